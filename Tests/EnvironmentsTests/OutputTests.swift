import NIOCore
import SpawnProtocol
import Testing

@testable import Environments

@Suite struct `What a runtime writes` {
  @Test func `is one record a line, with carriage returns kept and no line lost over reads`() {
    var splitter = LineSplitter()
    var lines = [String]()
    splitter.append(Array("one\ntw".utf8)) { lines.append($0) }
    splitter.append(Array("o\ra\n\nend".utf8)) { lines.append($0) }
    #expect(lines == ["one", "two\ra", ""])
    splitter.flush { lines.append($0) }
    #expect(lines.last == "end")
    splitter.flush { lines.append($0) }
    #expect(lines.count == 4)
  }

  @Test func `is cut where a line grows past the limit, so that memory stays bounded`() {
    var splitter = LineSplitter()
    var lengths = [Int]()
    splitter.append([UInt8](repeating: UInt8(ascii: "x"), count: 2 * LineSplitter.longestLine + 5)) { lengths.append($0.utf8.count) }
    #expect(lengths == [LineSplitter.longestLine, LineSplitter.longestLine])
    splitter.append([UInt8(ascii: "\n")]) { lengths.append($0.utf8.count) }
    #expect(lengths.last == 5)
  }

  @Test func `leaves its last bytes in the tail`() {
    var tail = LogTail(limit: 10)
    for number in 0..<100 { tail.append("line \(number)") }
    #expect(tail.string == "8\nline 99\n")
  }

  @Test func `is read in turns as short as their work is dear, with rests many times as long`() {
    var pace = OutputPace()
    #expect(pace.bytes == OutputPace.bytesPerTurn.upperBound)
    #expect(pace.pause(after: .microseconds(10)) == OutputPace.shortestPause)
    for _ in 0..<10 { #expect(pace.pause(after: .milliseconds(4)) == .milliseconds(76)) }
    #expect(pace.bytes == OutputPace.bytesPerTurn.lowerBound)
    for _ in 0..<10 { _ = pace.pause(after: .microseconds(100)) }
    #expect(pace.bytes == OutputPace.bytesPerTurn.upperBound)
  }

  @Test func `is kept up to the allowance, and the rest is counted`() {
    var allowance = LogAllowance(bytes: 10)
    #expect([allowance.take(6), allowance.take(6), allowance.take(6)] == [6, 4, 0])
    #expect(allowance.dropped == 8)
  }
}

@Suite struct `Faults as the caller hears them` {
  @Test(arguments: [
    (InvocationFault.exited(.code(0)), "Runtime.ExitError", "Runtime exited without providing a reason"),
    (.exited(.code(127)), "Runtime.ExitError", "Runtime exited with error: exit status 127"),
    (.exited(.signal(11)), "Runtime.ExitError", "Runtime exited with error: signal: segmentation fault"),
    (.timedOut(seconds: 2), "Sandbox.Timedout", "Task timed out after 2.00 seconds"),
    (.outOfMemory, "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"),
  ])
  func `payloads are Lambda's`(_ fault: InvocationFault, _ type: String, _ message: String) {
    let payload = #"{"errorType":"\#(type)","errorMessage":"RequestId: id Error: \#(message)"}"#
    #expect(String(buffer: fault.payload(requestID: "id")) == payload)
  }

  @Test func `what the runtime said of its init is passed on as it is`() {
    let fault = InvocationFault.initError(payload: ByteBuffer(string: #"{"x":1}"#), type: "Runtime.Unknown")
    #expect(String(buffer: fault.payload(requestID: "id")) == #"{"x":1}"#)
  }

  @Test func `durations have two decimals`() {
    #expect(Milliseconds(.microseconds(3_005)).text == "3.01")
    #expect(Milliseconds(.microseconds(0)).text == "0.00")
    #expect(Milliseconds(.seconds(2)).text == "2000.00")
  }
}
