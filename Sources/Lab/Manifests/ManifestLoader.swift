internal import Glibc
internal import JSON
internal import Kubernetes
internal import Linux

/// Reads manifests: YAML or JSON, from files, directories and standard input.
package enum ManifestLoader {
  /// Reads everything before anything is made, so that a typing error costs nothing.
  ///
  /// - Parameters:
  ///   - paths: files, directories (their `.yaml`, `.yml` and `.json` files by name, as `kubectl apply -f` takes them) and
  ///     `-` for standard input.
  ///   - standardInput: reads standard input to its end; called once at most.
  /// - Throws: `YAMLError` with file, line and column; `LabError` for what cannot be read.
  package static func load(_ paths: [String], standardInput: () throws -> [UInt8]) throws -> [Manifest] {
    var manifests: [Manifest] = []
    for path in paths {
      if path == "-" {
        manifests += try parse(try standardInput(), file: "standard input")
      } else if Files.isDirectory(path) {
        let files = try files(in: path)
        for file in files { manifests += try parse(try read(file), file: file) }
      } else {
        manifests += try parse(try read(path), file: path)
      }
    }
    return Manifest.inOrder(manifests)
  }

  private static func read(_ path: String) throws -> [UInt8] {
    do {
      return try Files.read(path)
    } catch {
      throw LabError(
        "cannot read \(path): \(String(cString: strerror(error.code)))", remedy: "name a file, a directory or -")
    }
  }

  private static func files(in directory: String) throws -> [String] {
    let names = try Files.list(directory).filter { name in
      [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) } && !Files.isDirectory("\(directory)/\(name)")
    }
    if names.isEmpty {
      throw LabError(
        "the directory \(directory) holds no .yaml, .yml or .json file", remedy: "name one that holds manifests")
    }
    let folder = directory.hasSuffix("/") ? String(directory.dropLast()) : directory
    return names.map { "\(folder)/\($0)" }
  }

  /// The objects of one text; a `List` is taken apart.
  package static func parse(_ bytes: [UInt8], file: String) throws -> [Manifest] {
    var manifests: [Manifest] = []
    for document in try YAML.parse(bytes, file: file) where !document.value.isNull {
      let objects =
        document.value["kind"].string?.hasSuffix("List") == true && document.value["items"].array != nil
        ? document.value["items"].elements : [document.value]
      for object in objects {
        manifests.append(Manifest(object: KubernetesObject(object), file: file, line: document.line))
      }
    }
    return manifests
  }
}
