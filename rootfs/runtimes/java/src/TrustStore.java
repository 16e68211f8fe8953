import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;

/** Makes the store of trusted certificates from a PEM bundle; without password and dates, so that the same bundle gives the same bytes. */
class TrustStore {
  public static void main(String[] paths) throws Exception {
    System.setProperty("keystore.pkcs12.certProtectionAlgorithm", "NONE");
    System.setProperty("keystore.pkcs12.macAlgorithm", "NONE");
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    var number = 0;
    try (var bundle = new FileInputStream(paths[0])) {
      for (var certificate : CertificateFactory.getInstance("X.509").generateCertificates(bundle)) {
        store.setCertificateEntry(String.format("ca-%03d", number++), certificate);
      }
    }
    try (var file = new FileOutputStream(paths[1])) {
      store.store(file, null);
    }
  }
}
