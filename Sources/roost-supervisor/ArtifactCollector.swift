import AsyncAlgorithms
import Logging
import Scheduling
import ServiceLifecycle
import Store

/// Removes the artefacts that no function, no layer version and no live environment needs: at start, then every hour.
struct ArtifactCollector: Service {
  var catalog: Catalog
  var artifacts: ArtifactStore
  var dispatcher: Dispatcher
  var logger: Logger

  func run() async {
    await collect()
    for await _ in AsyncTimerSequence(interval: .seconds(3_600), clock: .continuous).cancelOnGracefulShutdown() { await collect() }
  }

  private func collect() async {
    do {
      // In this order: what is published in between is younger than the collection's age limit.
      let mounted = dispatcher.artifactsInUse()
      try await artifacts.collect(keeping: catalog.referencedArtifacts().union(mounted))
    } catch {
      logger.error("unneeded artefacts could not be removed: \(error)")
    }
  }
}
