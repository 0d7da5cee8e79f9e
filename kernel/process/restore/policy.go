// This file sets memory policies, of threads and of mappings: on which nodes of
// the machine their memory is to be. That another machine has others is no reason
// not to run there.

package restore

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// maxNode is how many bits there are in a mask, and one.
const maxNode = 1024 + 1

// nodeMask is the mask of a policy, at least as long as the kernel has nodes.
func nodeMask(q *world.Policy) []byte {
	b := make([]byte, (maxNode-1)/8)
	for _, n := range q.Nodes {
		if n >= 0 && n < maxNode-1 {
			b[n/8] |= 1 << (n % 8)
		}
	}
	return b
}

// tolerateNodes reports that there are no such nodes.
func (p *process) tolerateNodes(q *world.Policy, whose string, err error) error {
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		p.options.Warn(fmt.Sprintf("%s has no memory policy: none of the nodes %v is for it here", whose, q.Nodes))
		return nil
	}
	return err
}

// setPolicies gives the mappings their own, before there is memory in them.
func (p *process) setPolicies() error {
	c := p.stub.calls()
	for i := range p.mapped {
		m := &p.mapped[i]
		if m.Policy == nil {
			continue
		}
		mask := c.lay(nodeMask(m.Policy))
		c.addAnd(func(err error) error {
			return p.tolerateNodes(m.Policy, fmt.Sprintf("the mapping at %#x", uint64(m.Start)), onMapping(m, "mbind", err))
		}, unix.SYS_MBIND, uint64(m.Start), uint64(m.End-m.Start), uint64(m.Policy.Mode), mask, maxNode, 0)
	}
	return c.run()
}

// setMemoryPolicies gives threads their own, and those without one none where
// they have that of this process.
func (p *process) setMemoryPolicies() error {
	at, err := p.stub.lay(sys.Words(0))
	if err != nil {
		return err
	}
	handedDown := sys.Words(0)
	if _, err := p.stub.Call(unix.SYS_GET_MEMPOLICY, at[0], 0, 0, 0, 0); err == nil {
		if err := p.stub.mem.Read(handedDown, at[0]); err != nil {
			return err
		}
	}
	for _, t := range p.threads {
		q := t.saved.Policy
		switch {
		case q != nil:
			_, err = t.callWith("set_mempolicy", unix.SYS_SET_MEMPOLICY, 1, nodeMask(q), uint64(q.Mode), 0, maxNode)
			err = p.tolerateNodes(q, fmt.Sprintf("thread %d", t.id), err)
		case handedDown[0] != 0:
			err = t.call("set_mempolicy", unix.SYS_SET_MEMPOLICY, 0, 0, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
