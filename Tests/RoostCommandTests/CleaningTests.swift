import Testing

@testable import roost

/// What `roost doctor --clean` makes of what roostd tells it; the cleaning itself is in the host ring and in conformance.
@Suite struct CleaningTests {
  @Test func `leftovers and what is said to people are told apart`() {
    let text = "control group\troost-1/2\tprocesses 4, 5\nroostd: rmdir roost-1/3: EBUSY\nsocket\t/s/run/admin.sock\t\nhint: look\n"
    let outcome = Cleaning.Outcome(parsing: text, isDryRun: false)
    #expect(
      outcome.leftovers == [
        Leftover(kind: "control group", name: "roost-1/2", detail: "processes 4, 5", removed: true),
        Leftover(kind: "socket", name: "/s/run/admin.sock", detail: "", removed: true),
      ])
    #expect(outcome.messages == ["rmdir roost-1/3: EBUSY"] && outcome.hint == "look")
    #expect(Cleaning.Outcome(parsing: "a\tb\tc\n", isDryRun: true).leftovers.allSatisfy { !$0.removed })
  }

  /// `false` ends with 1, as roostd does for leftovers, but says nothing of any.
  @Test(arguments: ["/nowhere/roostd", "/bin/false"])
  func `without roostd, or with one that fails, nothing is said to be clean`(program: String) {
    #expect(throws: CommandFailure.self) {
      try Cleaning(program: program, stateDirectory: "/nowhere", isDryRun: false).run()
    }
  }

  @Test func `a dry run is one of cleaning`() async throws {
    let run = try await CommandRun.roost(["doctor", "--dry-run"], stateDirectory: "/nowhere")
    #expect(run.code == 64 && run.talk.contains("--dry-run is for --clean"))
  }
}
