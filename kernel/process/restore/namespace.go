package restore

// namespace is a PID namespace of the program's own.
type namespace struct{}

func (*namespace) end() error { return nil }

func (p *process) identifyInNamespace() error {
	return sameIDsRefusal("the process ID", nil)
}
