package import HTTPTypes
internal import Signing

extension HTTPField.Name {
  package static let amzContentSHA256 = known("X-Amz-Content-Sha256")
  package static let amzInvocationType = known("X-Amz-Invocation-Type")
  package static let amzLogType = known("X-Amz-Log-Type")
  package static let amzClientContext = known("X-Amz-Client-Context")
  package static let amzTenantID = known("X-Amz-Tenant-Id")
  package static let amzExecutedVersion = known("X-Amz-Executed-Version")
  package static let amzFunctionError = known("X-Amz-Function-Error")
  package static let amzLogResult = known("X-Amz-Log-Result")
  package static let amznTraceID = known("X-Amzn-Trace-Id")
  package static let amznRequestID = known("x-amzn-RequestId")
  package static let amznErrorType = known("x-amzn-ErrorType")
}
