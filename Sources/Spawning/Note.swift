import Glibc

/// Says something to the administrator, on standard error.
func note(_ text: String) {
  var line = "roostd: \(text)\n"
  // Nobody can be told when this fails.
  line.withUTF8 { bytes in _ = unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
}
