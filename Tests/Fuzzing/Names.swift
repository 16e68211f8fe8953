import FunctionModel
import NIOCore

@testable import LambdaAPI
@testable import Signing

/// How a caller names a function or a layer. A name has one meaning: its ARN, read again, is the same function.
enum FunctionNameTarget: FuzzTarget {
  static let name = "function-name"
  static let longest = 512
  private static let caller = Owner(account: "000000000000", region: "us-east-1")

  static let seeds = [
    "name", "name:$LATEST", "000000000000:function:name:7", "us-east-1:000000000000:function:name",
    "arn:aws:lambda:us-east-1:000000000000:function:name:alias", "arn:aws:lambda:us-east-1:000000000000:layer:name:1",
  ].map { Array($0.utf8) }

  static let words = [
    "arn:", "aws", "lambda", ":", "us-east-1", "us-gov-west-1", "000000000000", "function", "layer", "$LATEST", "$LATEST.PUBLISHED", "é",
  ]

  static func run(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    // Refused names are no harm, here as below.
    if let reference = try? FunctionReference(text, caller: caller) {
      must(reference.id.owner == caller && !reference.id.name.utf8.contains(UInt8(ascii: "/")))
      // Of a long name in few words the ARN can be longer than a name may be.
      if reference.arn.utf8.count <= 256 { must((try? FunctionReference(reference.arn, caller: caller)) == reference) }
    }
    if let qualified = try? FunctionReference("name", qualifier: text, caller: caller) { must(qualified.qualifier == text) }
    if let layer = try? LayerNaming.layer(text, caller: caller), layer.arn.utf8.count <= 140 {
      must((try? LayerNaming.layer(layer.arn, caller: caller)) == layer)
    }
    if let (id, version) = LayerNaming.version(text) {
      guard let again = LayerNaming.version(id.arn(version: version)) else { fault("the ARN is none") }
      must(again.id == id && again.version == version)
    }
  }
}

/// Payloads and control-plane bodies. Accepted by the scanner means understood by the parser, and written out it is the same value.
enum JSONTarget: FuzzTarget {
  static let name = "json"
  static let seeds = [
    #"{"a":[1,-2.5e+3,true,false,null,"\u00e4\n"],"b":{}}"#, #" "\ud83d\ude00" "#, "[[[[]]]]", "0", #"{"a":1,"a":2}"#,
  ].map { Array($0.utf8) }
  static let words = ["true", "false", "null", #"\u"#, #"\ud83d\ude00"#, "e+", "-0", "[", "{", #"":"#, "é"]

  static func run(_ bytes: [UInt8]) {
    let buffer = ByteBuffer(bytes: bytes)
    let payloadFault = JSONScanner.fault(in: buffer)
    if let payloadFault { must((0...bytes.count).contains(payloadFault.offset)) }
    do throws(JSONFault) {
      let value = try JSONValue(parsing: buffer)
      must(payloadFault == nil, "a body that would be no payload")
      do throws(JSONFault) {
        must(try JSONValue(parsing: value.encoded()) == value)
      } catch { fault("\(error) in what was written") }
    } catch {
      // Deeper than a body may be is the one reason to take it as a payload and not as a body, in so few bytes.
      must(payloadFault != nil || bytes.count(where: { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }) > 64, "\(error)")
    }
  }
}

/// A request's target: percent-encoding is undone by decoding, whatever the bytes.
enum RequestLineTarget: FuzzTarget {
  static let name = "request-target"
  static let seeds = ["/2015-03-31/functions/a%3Ab/invocations?Qualifier=%24LATEST&x", "/?%&=&a=b=c", "%zz%4"].map { Array($0.utf8) }
  static let words = ["%", "%2F", "%00", "%ff", "&", "=", "?", "+", "é"]

  static func run(_ bytes: [UInt8]) {
    must(PercentCoding.decodeBytes(PercentCoding.encode(bytes)) == bytes)
    let text = String(decoding: bytes, as: UTF8.self)
    let target = RequestTarget(text)
    must(text.utf8.starts(with: target.path.utf8) && !target.path.utf8.contains(UInt8(ascii: "?")))
    for item in target.query { must(target.values(item.name).contains(item.value) && target.value(item.name) != nil) }
  }
}
