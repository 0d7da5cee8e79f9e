// Memory policies: on which nodes of a machine memory is to be, for a thread and
// for mappings; see set_mempolicy(2) and mbind(2).

package capture

import (
	"errors"
	"fmt"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// What get_mempolicy(2) stores: the mode, and a bit for each node, of which the
// kernel wants room for more than it has (mm/mempolicy.c).
const (
	maxNode      = 1024 + 1
	policyMode   = 8 // bytes
	policyStores = policyMode + 1024/8
)

// policy is what it stored, nil for the default.
func policy(b []byte) *world.Policy {
	p := &world.Policy{Mode: int(le.Uint32(b))}
	if p.Mode == 0 {
		return nil
	}
	for node := range 8 * (policyStores - policyMode) {
		if b[policyMode+node/8]>>(node%8)&1 != 0 {
			p.Nodes = append(p.Nodes, node)
		}
	}
	return p
}

// notePolicies remembers which mappings seem to have one. In /proc, they show
// that of the first thread if they have none.
func (c *member) notePolicies() (err error) {
	c.before.policies, err = proc.NUMAPolicies(c.pid)
	if proc.IsGone(err) {
		return nil // CONFIG_NUMA is not set
	}
	return err
}

// readPolicies asks for the policies of mappings that may have one.
func (c *member) readPolicies() error {
	if c.before.policies == nil {
		return nil
	}
	for i := range c.frozen.maps {
		m := &c.frozen.maps[i]
		shown, known := c.before.policies[m.Start]
		if known && shown == "default" || m.Kernel() || m.Has("dc") {
			continue
		}
		const ofAddress = 1 << 1 // MPOL_F_ADDR, include/uapi/linux/mempolicy.h
		b := make([]byte, policyStores)
		err := c.twin.get(b, unix.SYS_GET_MEMPOLICY, c.twin.batch.At, c.twin.batch.At+policyMode, maxNode, m.Start, ofAddress)
		if err != nil && !errors.Is(err, unix.ENOSYS) {
			return fmt.Errorf("reading the memory policy of the mapping at %x: %w", m.Start, err)
		}
		if p := policy(b); err == nil && p != nil {
			c.policies[m.Start] = p
		}
	}
	return nil
}
