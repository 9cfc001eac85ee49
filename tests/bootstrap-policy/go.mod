module kube-hipaa/bootstrap-policy

go 1.26.0
