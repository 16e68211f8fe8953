// LambdaAPI: AWS's wire in front. It turns HTTP requests into model values, and what the other rooms answer into AWS's shapes and errors.
//
// - `Front/` is the server: Hummingbird, and before its own handlers the interceptor that answers Invoke on the event loop.
// - `Auth/` decides who calls: Signature Version 4 over an AWS shared-credentials file.
// - `Operations/` holds the operations, found through one table, over the catalog and the artefact store.
// - `Invoke/` makes invocations of requests and answers of results.
// - `Validation/` and `Names/` hold AWS's rules for members and names, with its wording; `JSON/` and `HTTP/` the little they stand on.
