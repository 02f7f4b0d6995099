extension RealCluster {
  /// EndpointSlices of `discovery.k8s.io/v1` as a kind of its own. Of their fields only what must be there is checked: this
  /// server takes an empty text in a custom resource, such as the name of an only port, for null where a text is declared.
  static let endpointSlices = """
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata:
      name: endpointslices.discovery.k8s.io
      annotations: {api-approved.kubernetes.io: "https://github.com/kubernetes/kubernetes/pull/99662"}
    spec:
      group: discovery.k8s.io
      scope: Namespaced
      names: {kind: EndpointSlice, listKind: EndpointSliceList, plural: endpointslices, singular: endpointslice}
      versions:
      - name: v1
        served: true
        storage: true
        schema:
          openAPIV3Schema:
            type: object
            required: [addressType, endpoints]
            x-kubernetes-preserve-unknown-fields: true

    """
}
