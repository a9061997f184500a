"""`plan`: the plan of one statement on the target, without running it."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict

from optischema_tui.core.jobs.plan import plan_statement
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.twins.context import Context, asking_password


def run(context: Context, arguments: Namespace) -> int:
    sql = sys.stdin.read() if arguments.sql == "-" else arguments.sql

    def work(spec: TargetSpec) -> int:
        tree = plan_statement(spec, sql)
        context.out({"plan": asdict(tree), "total_cost": tree.total_cost}, lambda: "\n".join(plan_lines(tree, 0)))
        return 0

    return asking_password(context.spec(arguments.target), work)


def plan_lines(node: PlanNode, depth: int) -> list[str]:
    """The plan as indented lines."""
    where = f" on {node.relation}" if node.relation else ""
    using = f" using {node.index_name}" if node.index_name else ""
    join = f" {node.join_type}" if node.join_type and node.join_type != "Inner" else ""
    pad = "  " * depth
    figures = f"(cost {node.startup_cost:.2f}..{node.total_cost:.2f}, {node.rows:.0f} rows)"
    lines = [f"{pad}{node.node_type}{join}{using}{where}  {figures}"]
    lines += [f"{pad}    {label}: {text}" for label, text in node.conditions]
    lines += [f"{pad}    {label}: {', '.join(parts)}" for label, parts in node.keys]
    for child in node.children:
        lines += plan_lines(child, depth + 1)
    return lines
