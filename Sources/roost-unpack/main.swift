// roost-unpack: unpacks one archive in a sandbox of its own. It reads the archive from the connection to the supervisor, tells on the same
// connection what is in it (ArchiveStream), and touches no file. Whatever takes it over has an uid of its own, no file to write to, no
// network but this connection, and as long as its supervisor is patient.

import ArchiveStream
import Glibc
import LinuxSystem
import Unpacking

do {
  var connection = try SupervisorConnection()
  let order = try connection.readOrder()
  try connection.answer(order, try connection.read(count: order.archiveBytes))
} catch {
  print("roost-unpack: \(error)")
  exit(1)
}
