/// A certificate for the checks' Ingress, and its key, which is no secret: it is trusted by the checks alone.
enum CheckCertificate {
  /// PEM; for `CheckFixture.host`, signed by itself, valid until 2044.
  static let chain = """
    -----BEGIN CERTIFICATE-----
    MIIBhzCCASygAwIBAgIBATAKBggqhkjOPQQDAjAhMR8wHQYDVQQDDBZjaGVjay5z
    d2lmdGxldC5leGFtcGxlMB4XDTI0MDEwMTAwMDAwMFoXDTQ0MDEwMTAwMDAwMFow
    ITEfMB0GA1UEAwwWY2hlY2suc3dpZnRsZXQuZXhhbXBsZTBZMBMGByqGSM49AgEG
    CCqGSM49AwEHA0IABOl3cEzrvU43akw6B5PX3gO1mR+ysqehsR8xl4+e+EP8/1g0
    DosIG/dkDJ5gzQnMJk+lCfYEftcuMTSIfuAY5HejVTBTMA8GA1UdEwEB/wQFMAMB
    Af8wIQYDVR0RBBowGIIWY2hlY2suc3dpZnRsZXQuZXhhbXBsZTAdBgNVHQ4EFgQU
    ko6S0miW4Q6R4PgBFEqb4uniaV0wCgYIKoZIzj0EAwIDSQAwRgIhAP5x14PEJ7UK
    EGaUjqhpVeMqWInaxgKKntZDtDKk9dFKAiEAiQQyLVXKcVtAh+lwXAztHhKGgmfe
    sIP+Io+DqIJ36pg=
    -----END CERTIFICATE-----
    """

  /// PEM (PKCS #8).
  static let key = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5LKdyhj5Iadh+TaD
    cHEIbuHNQx0iAbw1Nh2Ydo0kaNyhRANCAATpd3BM671ON2pMOgeT194DtZkfsrKn
    obEfMZePnvhD/P9YNA6LCBv3ZAyeYM0JzCZPpQn2BH7XLjE0iH7gGOR3
    -----END PRIVATE KEY-----
    """
}
