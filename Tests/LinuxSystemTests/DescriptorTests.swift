import Glibc
import LinuxSystem
import Testing

@Suite struct DescriptorTests {
  @Test func `an error names call, object and errno`() {
    let error = SystemError(call: "mount overlay", object: "/x", errno: EINVAL)
    #expect(error.description == "mount overlay /x: EINVAL (Invalid argument)")
    #expect(SystemError(call: "pipe2", object: "", errno: 9999).description == "pipe2: errno 9999")
  }

  @Test func `reading appends, and tells empty, end and bytes apart`() throws {
    let pipe = try Pipe(nonBlockingReadEnd: true)
    var buffer: [UInt8] = [7]
    #expect(try pipe.readEnd.read(into: &buffer, upTo: 10) == .wouldBlock)
    #expect(buffer == [7])
    #expect(try pipe.writeEnd.write([1, 2, 3][...]) == 3)
    #expect(try pipe.readEnd.read(into: &buffer, upTo: 2) == .bytes(2))
    #expect(buffer == [7, 1, 2])
    #expect(try pipe.readEnd.read(into: &buffer, upTo: 10) == .bytes(1))
    _ = consume pipe.writeEnd
    #expect(try pipe.readEnd.read(into: &buffer, upTo: 10) == .endOfFile)
    #expect(buffer == [7, 1, 2, 3])
  }

  @Test func `every descriptor is close-on-exec, and closes with its owner`() throws {
    let pipe = try Pipe(nonBlockingReadEnd: true)
    let copy = try pipe.writeEnd.duplicate()
    for number in [copy.rawValue, pipe.readEnd.rawValue, pipe.writeEnd.rawValue] {
      #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
    }
    var list = DescriptorList()
    list.append(try copy.duplicate())
    #expect(list.rawValues.count == 1)
    _ = consume pipe.writeEnd
    _ = consume copy
    var buffer: [UInt8] = []
    #expect(try pipe.readEnd.read(into: &buffer, upTo: 1) == .wouldBlock)
    _ = consume list
    #expect(try pipe.readEnd.read(into: &buffer, upTo: 1) == .endOfFile)
  }

  @Test func `a walk beneath a directory follows no link and does not leave it`() throws {
    try withScratchDirectory { path in
      let directory = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
      try directory.makeDirectory("inside", mode: 0o755)
      #expect(unsafe symlink("inside", path + "/link") == 0)
      _ = try Descriptor.openBeneath(directory: directory, path: "inside", flags: O_RDONLY | O_DIRECTORY)
      #expect(try refusal { _ = try Descriptor.openBeneath(directory: directory, path: "link", flags: O_RDONLY) } == ELOOP)
      #expect(try refusal { _ = try Descriptor.openBeneath(directory: directory, path: "inside/../..", flags: O_RDONLY) } == EXDEV)
      #expect(try refusal { _ = try Descriptor.openBeneath(directory: directory, path: "/etc", flags: O_RDONLY) } == EXDEV)
      #expect(try refusal { _ = try Descriptor.openBeneath(directory: directory, path: "in\0side", flags: O_RDONLY) } == EINVAL)
      #expect(try refusal { _ = try Descriptor.openBeneath(directory: directory, path: "none", flags: O_RDONLY) } == ENOENT)
    }
  }
}
