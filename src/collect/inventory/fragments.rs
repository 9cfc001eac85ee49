//! Parts of allow-lists that several kinds share.

/// The text of a named part.
pub(in crate::collect) fn fragment(name: &str) -> Option<&'static str> {
    FRAGMENTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

const FRAGMENTS: &[(&str, &str)] = &[
    // managedFields, selfLink and unknown annotations stay out. Labels stay: scope and policies select by them.
    (
        "meta",
        "name namespace uid resourceVersion generation creationTimestamp deletionTimestamp labels finalizers
         ownerReferences annotations:annotations",
    ),
    // Kinds whose resourceVersion moves with heartbeats: Node, Lease.
    ("quietmeta", "name namespace uid creationTimestamp deletionTimestamp labels finalizers ownerReferences annotations:annotations"),
    ("conditions", "conditions{type status reason observedGeneration}"),
    ("ref", "name namespace kind group apiGroup key optional"),
    ("handler", "exec{} httpGet{host path:redacted port scheme httpHeaders{name}} tcpSocket{host port} grpc{port service} sleep{seconds}"),
    ("probe", "$handler initialDelaySeconds periodSeconds timeoutSeconds successThreshold failureThreshold terminationGracePeriodSeconds"),
    (
        "container",
        "name image:image imagePullPolicy command:command args:args env:env envFrom{prefix configMapRef{$ref} secretRef{$ref}}
         ports{name containerPort protocol hostPort hostIP} resources restartPolicy securityContext{$security} volumeMounts volumeDevices livenessProbe{$probe} readinessProbe{$probe}
         startupProbe{$probe} lifecycle{postStart{$handler} preStop{$handler} stopSignal} stdin stdinOnce tty targetContainerName
         terminationMessagePolicy",
    ),
    (
        "projection",
        "serviceAccountToken configMap{name optional items} secret{name optional items} downwardAPI clusterTrustBundle
         podCertificate{signerName keyType maxExpirationSeconds keyPath certificateChainPath credentialBundlePath}",
    ),
    // Every volume says of which type it is (`*{}`); of the types that matter, where it leads.
    (
        "volume",
        "name hostPath emptyDir persistentVolumeClaim configMap{name optional defaultMode items}
         secret{secretName optional defaultMode items} downwardAPI projected{defaultMode sources{$projection}}
         csi{driver readOnly fsType volumeAttributes:parameters nodePublishSecretRef{name}} nfs{server path readOnly} image{reference:image pullPolicy}
         ephemeral{volumeClaimTemplate{spec{accessModes resources storageClassName volumeMode}}}
         *{}",
    ),
    (
        "podspec",
        "activeDeadlineSeconds affinity automountServiceAccountToken containers{$container} initContainers{$container}
         ephemeralContainers{$container} dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork hostPID hostUsers hostname
         imagePullSecrets nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName readinessGates
         resourceClaims resources restartPolicy runtimeClassName schedulerName securityContext{$security} serviceAccount serviceAccountName
         setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations topologySpreadConstraints
         volumes{$volume}",
    ),
    // What a pod takes over from its template (pkg/controller GetPodFromTemplate). Nobody checks the rest of its metadata: a time there can be one
    // that no program reads.
    ("template", "metadata{labels finalizers annotations:annotations} spec!{$podspec}"),
    // Of a container and of a pod. A credential specification of Windows stays out; that it is named does not.
    (
        "security",
        "allowPrivilegeEscalation appArmorProfile{type localhostProfile} capabilities{add drop} fsGroup fsGroupChangePolicy privileged procMount
         readOnlyRootFilesystem runAsGroup runAsNonRoot runAsUser seLinuxChangePolicy seLinuxOptions{user role type level}
         seccompProfile{type localhostProfile} supplementalGroups supplementalGroupsPolicy sysctls{name value}
         windowsOptions{gmsaCredentialSpecName hostProcess runAsUserName}",
    ),
    ("rule", "apiGroups resources verbs resourceNames nonResourceURLs"),
    ("subject", "kind apiGroup name namespace"),
    ("peer", "podSelector namespaceSelector ipBlock{cidr except}"),
    ("peerport", "protocol port endPort"),
    ("backend", "service{name port{name number}} resource{$ref}"),
    // An expression says what it looks at; messages are for people.
    ("condition", "name expression:expression"),
    ("matching", "excludeResourceRules matchPolicy namespaceSelector objectSelector resourceRules"),
    // The rules of policy.networking.k8s.io, and of EKS after it.
    ("clusterrule", "action from{$clusterpeer} to{$clusterpeer} ports protocols"),
    ("clusterpeer", "namespaces pods nodes networks domainNames"),
    ("clusterpolicy", "priority tier subject{namespaces pods} ingress{$clusterrule} egress{$clusterrule}"),
    // Calico. Rules about HTTP hold paths: that there are some is enough.
    ("calicoend", "nets notNets selector notSelector namespaceSelector ports notPorts serviceAccounts{names selector} services{name namespace} domains"),
    ("calicorule", "action ipVersion protocol notProtocol icmp notICMP source{$calicoend} destination{$calicoend} http{}"),
    (
        "calicopolicy",
        "order tier selector namespaceSelector serviceAccountSelector types doNotTrack preDNAT applyOnForward stagedAction
         ingress{$calicorule} egress{$calicorule}",
    ),
    // Antrea. Labels of logs and names of rules are text.
    ("antreapeer", "podSelector namespaceSelector namespaces ipBlock{cidr except} group fqdn serviceAccount{$ref} nodeSelector scope externalEntitySelector service{$ref}"),
    ("antrearule", "action from{$antreapeer} to{$antreapeer} toServices{$ref scope} ports protocols appliedTo{$antreapeer} enableLogging l7Protocols{}"),
    ("antreapolicy", "tier priority policyTypes appliedTo{$antreapeer} ingress{$antrearule} egress{$antrearule}"),
    // restartCount and times move without a change.
    ("containerstatus", "name ready image:image imageID:image"),
    (
        "webhooks",
        "webhooks{name clientConfig{url:url service caBundle:redacted} rules failurePolicy matchPolicy namespaceSelector
         objectSelector sideEffects timeoutSeconds admissionReviewVersions matchConditions{$condition} reinvocationPolicy}",
    ),
    ("policybinding", "spec!{policyName! paramRef validationActions matchResources}"),
    // Rules on layer 7 can hold header values and paths: that there are some is enough.
    (
        "ciliumrule",
        "fromEndpoints fromCIDR fromCIDRSet fromEntities fromGroups fromNodes fromRequires toEndpoints toCIDR toCIDRSet toEntities
         toFQDNs toGroups toNodes toServices toRequires icmps authentication
         toPorts{ports terminatingTLS{} originatingTLS{} serverNames listener{} rules{*{}}}",
    ),
    (
        "ciliumpolicy",
        "endpointSelector nodeSelector enableDefaultDeny ingress{$ciliumrule} ingressDeny{$ciliumrule} egress{$ciliumrule}
         egressDeny{$ciliumrule}",
    ),
    ("gatewaytls", "mode certificateRefs options frontendValidation"),
    // Every filter, and every way to copy volumes.
    (
        "backupspec",
        "includedNamespaces excludedNamespaces includedResources excludedResources includedNamespaceScopedResources
         excludedNamespaceScopedResources includedClusterScopedResources excludedClusterScopedResources includeClusterResources
         labelSelector orLabelSelectors resourcePolicy{kind name} snapshotVolumes snapshotMoveData defaultVolumesToFsBackup
         defaultVolumesToRestic storageLocation ttl",
    ),
    (
        "backupstatus",
        "status{phase expiration startTimestamp completionTimestamp errors warnings lastBackup volumeSnapshotsAttempted
         volumeSnapshotsCompleted csiVolumeSnapshotsAttempted csiVolumeSnapshotsCompleted backupItemOperationsAttempted
         backupItemOperationsCompleted validationErrors:redacted}",
    ),
];
