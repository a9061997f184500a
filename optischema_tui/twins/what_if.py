"""`what-if`: one statement's plan in the lab, with other indexes, settings or statistics."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from optischema_tui.core.errors import UsageError
from optischema_tui.core.jobs.what_if import Answer, Question, run_what_if
from optischema_tui.core.safe_text import clean
from optischema_tui.core.sizes import size
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, asking_password
from optischema_tui.twins.plan import plan_lines


def run(context: Context, arguments: Namespace) -> int:
    sql = sys.stdin.read() if arguments.sql == "-" else arguments.sql
    question = Question(
        indexes=arguments.index or (),
        drop=arguments.drop or (),
        settings=dict(_pair(text, "--set NAME=VALUE") for text in arguments.set or ()),
        targets={name: _target(value) for name, value in _pairs(arguments.statistics or (), "--statistics COLUMN=N")},
    )

    def work(spec: TargetSpec) -> int:
        answer = run_what_if(
            spec,
            context.paths,
            sql,
            question,
            clock=context.clock,
            progress=context.progress,
            lab_bindir=context.config.lab_bindir,
        )
        context.out(answer_json(answer), lambda: answer_text(answer))
        return 0

    return asking_password(context.spec(arguments.target), work)


def answer_json(answer: Answer) -> dict[str, Any]:
    return {
        "planner": answer.planner,
        "cost_before": answer.before.total_cost,
        "cost_after": answer.after.total_cost,
        "before": asdict(answer.before),
        "after": asdict(answer.after),
        "indexes": [
            {
                "index": index.name,
                "sql": clean(index.spec.sql(index.name, concurrently=False)),
                "size_bytes": index.size_bytes,
                "used": index.name in answer.after.indexes(),
                "guess": clean(index.guess),
            }
            for index in answer.indexes
        ],
        "not_modelled": [clean(what) for what in answer.not_modelled],
    }


def answer_text(answer: Answer) -> str:
    used = answer.after.indexes()
    lines = [f"before: cost {answer.before.total_cost:,.2f}", *plan_lines(answer.before, 1), ""]
    ratio = answer.after.total_cost / answer.before.total_cost if answer.before.total_cost else 1.0
    lines += [f"after: cost {answer.after.total_cost:,.2f} ({ratio:.3g} of before)", *plan_lines(answer.after, 1), ""]
    for index in answer.indexes:
        verdict = "used" if index.name in used else "not used"
        lines.append(f"{index.name} ({size(index.size_bytes)}, {verdict}): {_definition(index.spec.sql('x'))}")
        lines += [f"    {index.guess}"] if index.guess else []
    lines += [f"not modelled: {what}" for what in answer.not_modelled]
    return "\n".join([*lines, f"planned by the {answer.planner}"])


def _definition(sql: str) -> str:
    return clean(sql.split(" ON ", 1)[1])


def _pairs(texts: Sequence[str], form: str) -> list[tuple[str, str]]:
    return [_pair(text, form) for text in texts]


def _pair(text: str, form: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise UsageError(f"{text} is not of the form {form}")
    return name.strip(), value.strip()


def _target(value: str) -> int:
    if not value.isascii() or not value.isdigit():
        raise UsageError(f"{value} is no statistics target", "It is a number from 1 to 10000")
    return int(value)
