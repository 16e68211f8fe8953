import FoundationEssentials
import FunctionModel
import LambdaAPI
import Scheduling
import Store

extension SecurityFacts {
  /// What this daemon runs with.
  init(_ configuration: Configuration, _ authentication: FrontConfiguration.Authentication, _ retention: JournalRetention) {
    let keys: [String]?
    switch authentication {
    case .signatureV4(let store, _): keys = store.identifiers
    case .none: keys = nil
    }
    self.init(
      authentication: keys == nil ? "none" : "sigv4", accessKeys: keys ?? [],
      processID: Int(ProcessInfo.processInfo.processIdentifier), userIDs: configuration.scheduling.userIDs,
      retention: RetentionFacts(
        seconds: retention.age.components.seconds, invocations: retention.invocations, environments: retention.environments,
        logLines: retention.logs, bytes: retention.bytes),
      // What is refused is what is wanted: the error says nothing more.
      listsHostRoot: (try? FileManager.default.contentsOfDirectory(atPath: "/")) != nil)
  }
}
