// replaced by the merge
