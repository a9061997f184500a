"""Other advisors: ours from their papers and descriptions, or theirs where a checkout is at hand."""
