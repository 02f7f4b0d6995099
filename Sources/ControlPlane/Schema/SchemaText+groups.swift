extension SchemaText {
  /// Messages of the other groups.
  static let groups = """
    events.v1.Event 1:metadata=ObjectMeta 2:eventTime=MicroTime 3:series=events.v1.EventSeries
      4:reportingController=string 5:reportingInstance=string 6:action=string 7:reason=string
      8:regarding=ObjectReference 9:related=ObjectReference 10:note=string 11:type=string
      12:deprecatedSource=EventSource 13:deprecatedFirstTimestamp=Time 14:deprecatedLastTimestamp=Time
      15:deprecatedCount=int
    events.v1.EventSeries 1:count=int 2:lastObservedTime=MicroTime
    Lease 1:metadata=ObjectMeta 2:spec=LeaseSpec
    LeaseSpec 1:holderIdentity=string 2:leaseDurationSeconds=int 3:acquireTime=MicroTime 4:renewTime=MicroTime
      5:leaseTransitions=int 6:strategy=string 7:preferredHolder=string
    ControllerRevision 1:metadata=ObjectMeta 2:data=Raw 3:revision=int
    DaemonSet 1:metadata=ObjectMeta 2:spec=DaemonSetSpec 3:status=DaemonSetStatus
    DaemonSetCondition 1:type=string 2:status=string 3:lastTransitionTime=Time 4:reason=string 5:message=string
    DaemonSetSpec 1:selector=LabelSelector 2:template=PodTemplateSpec 3:updateStrategy=DaemonSetUpdateStrategy
      4:minReadySeconds=int 6:revisionHistoryLimit=int
    DaemonSetStatus 1:currentNumberScheduled=int 2:numberMisscheduled=int 3:desiredNumberScheduled=int
      4:numberReady=int 5:observedGeneration=int 6:updatedNumberScheduled=int 7:numberAvailable=int
      8:numberUnavailable=int 9:collisionCount=int 10:conditions=[DaemonSetCondition
    DaemonSetUpdateStrategy 1:type=string 2:rollingUpdate=RollingUpdateDaemonSet
    Deployment 1:metadata=ObjectMeta 2:spec=DeploymentSpec 3:status=DeploymentStatus
    DeploymentCondition 1:type=string 2:status=string 4:reason=string 5:message=string 6:lastUpdateTime=Time
      7:lastTransitionTime=Time
    DeploymentSpec 1:replicas=int 2:selector=LabelSelector 3:template=PodTemplateSpec
      4:strategy=DeploymentStrategy 5:minReadySeconds=int 6:revisionHistoryLimit=int 7:paused=bool
      9:progressDeadlineSeconds=int
    DeploymentStatus 1:observedGeneration=int 2:replicas=int 3:updatedReplicas=int 4:availableReplicas=int
      5:unavailableReplicas=int 6:conditions=[DeploymentCondition 7:readyReplicas=int 8:collisionCount=int
      9:terminatingReplicas=int
    DeploymentStrategy 1:type=string 2:rollingUpdate=RollingUpdateDeployment
    ReplicaSet 1:metadata=ObjectMeta 2:spec=ReplicaSetSpec 3:status=ReplicaSetStatus
    ReplicaSetCondition 1:type=string 2:status=string 3:lastTransitionTime=Time 4:reason=string 5:message=string
    ReplicaSetSpec 1:replicas=int 2:selector=LabelSelector 3:template=PodTemplateSpec 4:minReadySeconds=int
    ReplicaSetStatus 1:replicas=int 2:fullyLabeledReplicas=int 3:observedGeneration=int 4:readyReplicas=int
      5:availableReplicas=int 6:conditions=[ReplicaSetCondition 7:terminatingReplicas=int
    RollingUpdateDaemonSet 1:maxUnavailable=IntOrString 2:maxSurge=IntOrString
    RollingUpdateDeployment 1:maxUnavailable=IntOrString 2:maxSurge=IntOrString
    RollingUpdateStatefulSetStrategy 1:partition=int 2:maxUnavailable=IntOrString
    StatefulSet 1:metadata=ObjectMeta 2:spec=StatefulSetSpec 3:status=StatefulSetStatus
    StatefulSetCondition 1:type=string 2:status=string 3:lastTransitionTime=Time 4:reason=string 5:message=string
    StatefulSetOrdinals 1:start=int
    StatefulSetPersistentVolumeClaimRetentionPolicy 1:whenDeleted=string 2:whenScaled=string
    StatefulSetSpec 1:replicas=int 2:selector=LabelSelector 3:template=PodTemplateSpec
      4:volumeClaimTemplates=[PersistentVolumeClaim 5:serviceName=string 6:podManagementPolicy=string
      7:updateStrategy=StatefulSetUpdateStrategy 8:revisionHistoryLimit=int 9:minReadySeconds=int
      10:persistentVolumeClaimRetentionPolicy=StatefulSetPersistentVolumeClaimRetentionPolicy
      11:ordinals=StatefulSetOrdinals
    StatefulSetStatus 1:observedGeneration=int 2:replicas=int 3:readyReplicas=int 4:currentReplicas=int
      5:updatedReplicas=int 6:currentRevision=string 7:updateRevision=string 9:collisionCount=int
      10:conditions=[StatefulSetCondition 11:availableReplicas=int
    StatefulSetUpdateStrategy 1:type=string 2:rollingUpdate=RollingUpdateStatefulSetStrategy
    Endpoint 1:addresses=[string 2:conditions=EndpointConditions 3:hostname=string 4:targetRef=ObjectReference
      5:deprecatedTopology={string 6:nodeName=string 7:zone=string 8:hints=EndpointHints
    EndpointConditions 1:ready=bool 2:serving=bool 3:terminating=bool
    EndpointHints 1:forZones=[ForZone 2:forNodes=[ForNode
    discovery.v1.EndpointPort 1:name=string 2:protocol=string 3:port=int 4:appProtocol=string
    EndpointSlice 1:metadata=ObjectMeta 2:endpoints=[Endpoint 3:ports=[discovery.v1.EndpointPort
      4:addressType=string
    discovery.v1beta1.Endpoint 1:addresses=[string 2:conditions=EndpointConditions 3:hostname=string
      4:targetRef=ObjectReference 5:topology={string 6:nodeName=string 7:hints=EndpointHints
    discovery.v1beta1.EndpointSlice 1:metadata=ObjectMeta 2:endpoints=[discovery.v1beta1.Endpoint
      3:ports=[discovery.v1.EndpointPort 4:addressType=string
    ForNode 1:name=string
    ForZone 1:name=string
    HTTPIngressPath 1:path=string 2:backend=IngressBackend 3:pathType=string
    HTTPIngressRuleValue 1:paths=[HTTPIngressPath
    IPBlock 1:cidr=string 2:except=[string
    Ingress 1:metadata=ObjectMeta 2:spec=IngressSpec 3:status=IngressStatus
    IngressBackend 3:resource=TypedLocalObjectReference 4:service=IngressServiceBackend
    IngressClass 1:metadata=ObjectMeta 2:spec=IngressClassSpec
    IngressClassParametersReference 1:aPIGroup=string 2:kind=string 3:name=string 4:scope=string
      5:namespace=string
    IngressClassSpec 1:controller=string 2:parameters=IngressClassParametersReference
    IngressLoadBalancerIngress 1:ip=string 2:hostname=string 4:ports=[IngressPortStatus
    IngressLoadBalancerStatus 1:ingress=[IngressLoadBalancerIngress
    IngressPortStatus 1:port=int 2:protocol=string 3:error=string
    IngressRule 1:host=string 2:ingressRuleValue=^IngressRuleValue
    IngressRuleValue 1:http=HTTPIngressRuleValue
    IngressServiceBackend 1:name=string 2:port=ServiceBackendPort
    IngressSpec 1:defaultBackend=IngressBackend 2:tls=[IngressTLS 3:rules=[IngressRule 4:ingressClassName=string
    IngressStatus 1:loadBalancer=IngressLoadBalancerStatus
    IngressTLS 1:hosts=[string 2:secretName=string
    NetworkPolicy 1:metadata=ObjectMeta 2:spec=NetworkPolicySpec
    NetworkPolicyEgressRule 1:ports=[NetworkPolicyPort 2:to=[NetworkPolicyPeer
    NetworkPolicyIngressRule 1:ports=[NetworkPolicyPort 2:from=[NetworkPolicyPeer
    NetworkPolicyPeer 1:podSelector=LabelSelector 2:namespaceSelector=LabelSelector 3:ipBlock=IPBlock
    NetworkPolicyPort 1:protocol=string 2:port=IntOrString 3:endPort=int
    NetworkPolicySpec 1:podSelector=LabelSelector 2:ingress=[NetworkPolicyIngressRule
      3:egress=[NetworkPolicyEgressRule 4:policyTypes=[string
    ServiceBackendPort 1:name=string 2:number=int
    IPAddress 1:metadata=ObjectMeta 2:spec=IPAddressSpec
    IPAddressSpec 1:parentRef=ParentReference
    ParentReference 1:group=string 2:resource=string 3:namespace=string 4:name=string
    LoadBalancerPool 1:metadata=ObjectMeta 2:spec=LoadBalancerPoolSpec 3:status=LoadBalancerPoolStatus
    LoadBalancerPoolSpec 1:addresses=[string 2:serviceSelector=LabelSelector 3:namespaceSelector=LabelSelector
      4:autoAssign=bool
    LoadBalancerPoolStatus 1:conditions=[Condition 2:total=int 3:used=int 4:available=int 5:observedGeneration=int
    ServiceCIDR 1:metadata=ObjectMeta 2:spec=ServiceCIDRSpec 3:status=ServiceCIDRStatus
    ServiceCIDRSpec 1:cidrs=[string
    ServiceCIDRStatus 1:conditions=[Condition
    StorageClass 1:metadata=ObjectMeta 2:provisioner=string 3:parameters={string 4:reclaimPolicy=string
      5:mountOptions=[string 6:allowVolumeExpansion=bool 7:volumeBindingMode=string
      8:allowedTopologies=[TopologySelectorTerm
    AggregationRule 1:clusterRoleSelectors=[LabelSelector
    ClusterRole 1:metadata=ObjectMeta 2:rules=[PolicyRule 3:aggregationRule=AggregationRule
    ClusterRoleBinding 1:metadata=ObjectMeta 2:subjects=[Subject 3:roleRef=RoleRef
    PolicyRule 1:verbs=[string 2:apiGroups=[string 3:resources=[string 4:resourceNames=[string
      5:nonResourceURLs=[string
    Role 1:metadata=ObjectMeta 2:rules=[PolicyRule
    RoleBinding 1:metadata=ObjectMeta 2:subjects=[Subject 3:roleRef=RoleRef
    RoleRef 1:apiGroup=string 2:kind=string 3:name=string
    Subject 1:kind=string 2:apiGroup=string 3:name=string 4:namespace=string
    Eviction 1:metadata=ObjectMeta 2:deleteOptions=DeleteOptions
    PodDisruptionBudget 1:metadata=ObjectMeta 2:spec=PodDisruptionBudgetSpec 3:status=PodDisruptionBudgetStatus
    PodDisruptionBudgetSpec 1:minAvailable=IntOrString 2:selector=LabelSelector 3:maxUnavailable=IntOrString
      4:unhealthyPodEvictionPolicy=string
    PodDisruptionBudgetStatus 1:observedGeneration=int 2:disruptedPods={Time 3:disruptionsAllowed=int
      4:currentHealthy=int 5:desiredHealthy=int 6:expectedPods=int 7:conditions=[Condition
    ContainerResourceMetricSource 1:name=string 2:target=MetricTarget 3:container=string
    ContainerResourceMetricStatus 1:name=string 2:current=MetricValueStatus 3:container=string
    autoscaling.v2.CrossVersionObjectReference 1:kind=string 2:name=string 3:apiVersion=string
    ExternalMetricSource 1:metric=MetricIdentifier 2:target=MetricTarget
    ExternalMetricStatus 1:metric=MetricIdentifier 2:current=MetricValueStatus
    HPAScalingPolicy 1:type=string 2:value=int 3:periodSeconds=int
    HPAScalingRules 1:selectPolicy=string 2:policies=[HPAScalingPolicy 3:stabilizationWindowSeconds=int
      4:tolerance=Quantity
    autoscaling.v2.HorizontalPodAutoscaler 1:metadata=ObjectMeta 2:spec=autoscaling.v2.HorizontalPodAutoscalerSpec
      3:status=autoscaling.v2.HorizontalPodAutoscalerStatus
    HorizontalPodAutoscalerBehavior 1:scaleUp=HPAScalingRules 2:scaleDown=HPAScalingRules
    HorizontalPodAutoscalerCondition 1:type=string 2:status=string 3:lastTransitionTime=Time 4:reason=string
      5:message=string
    autoscaling.v2.HorizontalPodAutoscalerSpec 1:scaleTargetRef=autoscaling.v2.CrossVersionObjectReference
      2:minReplicas=int 3:maxReplicas=int 4:metrics=[MetricSpec 5:behavior=HorizontalPodAutoscalerBehavior
    autoscaling.v2.HorizontalPodAutoscalerStatus 1:observedGeneration=int 2:lastScaleTime=Time
      3:currentReplicas=int 4:desiredReplicas=int 5:currentMetrics=[MetricStatus
      6:conditions=[HorizontalPodAutoscalerCondition
    MetricIdentifier 1:name=string 2:selector=LabelSelector
    MetricSpec 1:type=string 2:object=ObjectMetricSource 3:pods=PodsMetricSource 4:resource=ResourceMetricSource
      5:external=ExternalMetricSource 7:containerResource=ContainerResourceMetricSource
    MetricStatus 1:type=string 2:object=ObjectMetricStatus 3:pods=PodsMetricStatus 4:resource=ResourceMetricStatus
      5:external=ExternalMetricStatus 7:containerResource=ContainerResourceMetricStatus
    MetricTarget 1:type=string 2:value=Quantity 3:averageValue=Quantity 4:averageUtilization=int
    MetricValueStatus 1:value=Quantity 2:averageValue=Quantity 3:averageUtilization=int
    ObjectMetricSource 1:describedObject=autoscaling.v2.CrossVersionObjectReference 2:target=MetricTarget
      3:metric=MetricIdentifier
    ObjectMetricStatus 1:metric=MetricIdentifier 2:current=MetricValueStatus
      3:describedObject=autoscaling.v2.CrossVersionObjectReference
    PodsMetricSource 1:metric=MetricIdentifier 2:target=MetricTarget
    PodsMetricStatus 1:metric=MetricIdentifier 2:current=MetricValueStatus
    ResourceMetricSource 1:name=string 2:target=MetricTarget
    ResourceMetricStatus 1:name=string 2:current=MetricValueStatus
    autoscaling.v1.CrossVersionObjectReference 1:kind=string 2:name=string 3:apiVersion=string
    autoscaling.v1.HorizontalPodAutoscaler 1:metadata=ObjectMeta 2:spec=autoscaling.v1.HorizontalPodAutoscalerSpec
      3:status=autoscaling.v1.HorizontalPodAutoscalerStatus
    autoscaling.v1.HorizontalPodAutoscalerSpec 1:scaleTargetRef=autoscaling.v1.CrossVersionObjectReference
      2:minReplicas=int 3:maxReplicas=int 4:targetCPUUtilizationPercentage=int
    autoscaling.v1.HorizontalPodAutoscalerStatus 1:observedGeneration=int 2:lastScaleTime=Time
      3:currentReplicas=int 4:desiredReplicas=int 5:currentCPUUtilizationPercentage=int
    Scale 1:metadata=ObjectMeta 2:spec=ScaleSpec 3:status=ScaleStatus
    ScaleSpec 1:replicas=int
    ScaleStatus 1:replicas=int 2:selector=string
    CronJob 1:metadata=ObjectMeta 2:spec=CronJobSpec 3:status=CronJobStatus
    CronJobSpec 1:schedule=string 2:startingDeadlineSeconds=int 3:concurrencyPolicy=string 4:suspend=bool
      5:jobTemplate=JobTemplateSpec 6:successfulJobsHistoryLimit=int 7:failedJobsHistoryLimit=int
      8:timeZone=string
    CronJobStatus 1:active=[ObjectReference 4:lastScheduleTime=Time 5:lastSuccessfulTime=Time
    Job 1:metadata=ObjectMeta 2:spec=JobSpec 3:status=JobStatus
    JobCondition 1:type=string 2:status=string 3:lastProbeTime=Time 4:lastTransitionTime=Time 5:reason=string
      6:message=string
    JobSpec 1:parallelism=int 2:completions=int 3:activeDeadlineSeconds=int 4:selector=LabelSelector
      5:manualSelector=bool 6:template=PodTemplateSpec 7:backoffLimit=int 8:ttlSecondsAfterFinished=int
      9:completionMode=string 10:suspend=bool 11:podFailurePolicy=PodFailurePolicy 12:backoffLimitPerIndex=int
      13:maxFailedIndexes=int 14:podReplacementPolicy=string 15:managedBy=string 16:successPolicy=SuccessPolicy
    JobStatus 1:conditions=[JobCondition 2:startTime=Time 3:completionTime=Time 4:active=int 5:succeeded=int
      6:failed=int 7:completedIndexes=string 8:uncountedTerminatedPods=UncountedTerminatedPods 9:ready=int
      10:failedIndexes=string 11:terminating=int
    JobTemplateSpec 1:metadata=ObjectMeta 2:spec=JobSpec
    PodFailurePolicy 1:rules=[PodFailurePolicyRule
    PodFailurePolicyOnExitCodesRequirement 1:containerName=string 2:operator=string 3:values=[int
    PodFailurePolicyOnPodConditionsPattern 1:type=string 2:status=string
    PodFailurePolicyRule 1:action=string 2:onExitCodes=PodFailurePolicyOnExitCodesRequirement
      3:onPodConditions=[PodFailurePolicyOnPodConditionsPattern
    SuccessPolicy 1:rules=[SuccessPolicyRule
    SuccessPolicyRule 1:succeededIndexes=string 2:succeededCount=int
    UncountedTerminatedPods 1:succeeded=[string 2:failed=[string
    PriorityClass 1:metadata=ObjectMeta 2:value=int 3:globalDefault=bool 4:description=string
      5:preemptionPolicy=string
    FieldSelectorAttributes 1:rawSelector=string 2:requirements=[FieldSelectorRequirement
    LabelSelectorAttributes 1:rawSelector=string 2:requirements=[LabelSelectorRequirement
    NonResourceAttributes 1:path=string 2:verb=string
    NonResourceRule 1:verbs=[string 2:nonResourceURLs=[string
    ResourceAttributes 1:namespace=string 2:verb=string 3:group=string 4:version=string 5:resource=string
      6:subresource=string 7:name=string 8:fieldSelector=FieldSelectorAttributes
      9:labelSelector=LabelSelectorAttributes
    ResourceRule 1:verbs=[string 2:apiGroups=[string 3:resources=[string 4:resourceNames=[string
    SelfSubjectAccessReview 1:metadata=ObjectMeta 2:spec=SelfSubjectAccessReviewSpec
      3:status=SubjectAccessReviewStatus
    SelfSubjectAccessReviewSpec 1:resourceAttributes=ResourceAttributes
      2:nonResourceAttributes=NonResourceAttributes
    SelfSubjectRulesReview 1:metadata=ObjectMeta 2:spec=SelfSubjectRulesReviewSpec
      3:status=SubjectRulesReviewStatus
    SelfSubjectRulesReviewSpec 1:namespace=string
    LocalSubjectAccessReview 1:metadata=ObjectMeta 2:spec=SubjectAccessReviewSpec 3:status=SubjectAccessReviewStatus
    SubjectAccessReview 1:metadata=ObjectMeta 2:spec=SubjectAccessReviewSpec 3:status=SubjectAccessReviewStatus
    SubjectAccessReviewSpec 1:resourceAttributes=ResourceAttributes 2:nonResourceAttributes=NonResourceAttributes
      3:user=string 4:groups=[string 5:extra={ExtraValue 6:uid=string
    SubjectAccessReviewStatus 1:allowed=bool 2:reason=string 3:evaluationError=string 4:denied=bool
    SubjectRulesReviewStatus 1:resourceRules=[ResourceRule 2:nonResourceRules=[NonResourceRule 3:incomplete=bool
      4:evaluationError=string
    BoundObjectReference 1:kind=string 2:apiVersion=string 3:name=string 4:uID=string
    ExtraValue 1:items=[string
    SelfSubjectReview 1:metadata=ObjectMeta 2:status=SelfSubjectReviewStatus
    SelfSubjectReviewStatus 1:userInfo=UserInfo
    TokenReview 1:metadata=ObjectMeta 2:spec=TokenReviewSpec 3:status=TokenReviewStatus
    TokenReviewSpec 1:token=string 2:audiences=[string
    TokenReviewStatus 1:authenticated=bool 2:user=UserInfo 3:error=string 4:audiences=[string
    TokenRequest 1:metadata=ObjectMeta 2:spec=TokenRequestSpec 3:status=TokenRequestStatus
    TokenRequestSpec 1:audiences=[string 3:boundObjectRef=BoundObjectReference 4:expirationSeconds=int
    TokenRequestStatus 1:token=string 2:expirationTimestamp=Time
    UserInfo 1:username=string 2:uid=string 3:groups=[string 4:extra={ExtraValue
    """
}
