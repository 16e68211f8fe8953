import LinuxSystem

/// Every sandbox takes descriptors of both daemons for as long as it lives, and its code may have dozens of connections to its Runtime API:
/// half of what the kernel has as its usual ceiling (`fs.nr_open`), where roostd may raise the limit. The supervisor inherits it and derives
/// from it how many environments it admits; a sandbox gets a limit of its own before its first program.
func raiseDescriptorLimit() { DescriptorLimit.raise(to: 524_288) }
