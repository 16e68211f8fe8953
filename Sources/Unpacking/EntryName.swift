import ArchiveStream

/// The name of an entry as UTF-8, whatever the program that made the zip has written. APPNOTE.TXT 6.3, appendix D and §4.6.9.
enum EntryName {
  /// - Parameters:
  ///   - raw: as it stands in the directory.
  ///   - flags: bit 11 says that `raw` is UTF-8.
  ///   - extra: may hold the name in UTF-8 besides (0x7075), with the checksum of the other that it stands for.
  static func utf8(_ raw: [UInt8], flags: UInt64, system: UInt64, extra: ZipBytes) throws(ArchiveRefusal) -> [UInt8] {
    guard flags & 0x800 == 0, raw.contains(where: { $0 >= 0x80 || $0 == UInt8(ascii: "#") }) else { return raw }
    // In `#U00e9` of Info-ZIP without a locale every byte is ASCII.
    if let field = try extra.extraField(0x7075), field.count > 5, try field.number(1, at: 0) == 1,
      try field.number(4, at: 1) == UInt64(Inflater.checksum(raw))
    {
      return try field.slice(5..<field.count)
    }
    guard String(validating: raw, as: UTF8.self) == nil, DOSFamily.contains(system) else { return raw }
    return raw.flatMap { $0 < 0x80 ? [$0] : Array(String(upperHalf[Int($0) - 0x80]).utf8) }
  }

  /// Code page 437 from 0x80 on: what a DOS name is in when nothing else is said.
  private static let upperHalf = Array(
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}"
      .unicodeScalars)
}

/// Systems that separate directories by backslashes, and have attributes of DOS instead of modes.
enum DOSFamily {
  /// FAT, HPFS, NTFS by two numbers (of the specification, and Info-ZIP's), VFAT.
  static func contains(_ system: UInt64) -> Bool { [0, 6, 10, 11, 14].contains(system) }
}
