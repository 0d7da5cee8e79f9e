// Ways to another host.

package vm

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The image leaves over TCP to filters on the host, which has the time for xz,
// and comes back from there.
func TestOverTCP(t *testing.T) {
	Require(t)
	t.Parallel()
	stored := filepath.Join(t.TempDir(), "img")
	in := serveFilters(t, "snapcompress -q --codec xz | snapverify -q -o "+stored)
	config := Config{Memory: 512, CPUs: 1, Args: []string{
		"-netdev", "user,id=net0", "-device", "virtio-net-pci,netdev=net0"}}

	first := Start(t, config)
	startWitnesses(first, 4)
	before := hear(t, first)
	save := first.Begin(fmt.Sprintf("snapcat | nc 10.0.2.2 %d", in.Port))
	first.Saved(save)
	in.Wait(t)
	first.PowerOff()

	out := serveFilters(t, "snapverify -q < "+stored+" | snapcompress -q -d")
	second := Start(t, config)
	// What the save ends with there is up to nc, whose connection is long
	// gone.
	second.Resume(fmt.Sprintf("nc 10.0.2.2 %d < /dev/null | snapresume", out.Port), save)
	sameWitnesses(t, second, before)

	alive := ServeOnce(t, func(c net.Conn) error {
		_, err := io.WriteString(c, "still there\n")
		return err
	})
	if said := second.Run(fmt.Sprintf("nc 10.0.2.2 %d < /dev/null", alive.Port)); said != "still there\n" {
		t.Errorf("the network of the resumed machine gives %q", said)
	}
}

// serveFilters runs the tools on the host, with the connection as their standard
// input and output.
func serveFilters(t *testing.T, command string) *Listener {
	t.Helper()
	path := "PATH=" + build(t) + ":" + os.Getenv("PATH")
	return ServeOnce(t, func(c net.Conn) error {
		conn, err := c.(*net.TCPConn).File()
		if err != nil {
			return err
		}
		defer conn.Close()
		sh := exec.Command("sh", "-c", command)
		sh.Env = append(os.Environ(), path)
		sh.Stdin, sh.Stdout, sh.Stderr = conn, conn, os.Stderr
		return sh.Run()
	})
}

// The image goes through a virtio-serial port into a file of the host, and
// back from a socket of the host's: the guest cannot tell.
func TestOverVirtioSerial(t *testing.T) {
	Require(t)
	t.Parallel()
	stored := filepath.Join(t.TempDir(), "img")
	config := func(chardev string) Config {
		return Config{Memory: 512, CPUs: 1, Args: []string{
			"-device", "virtio-serial-pci", "-chardev", chardev, "-device", "virtserialport,chardev=port,name=img"}}
	}
	first := Start(t, config("file,id=port,path="+stored))
	startWitnesses(first, 4)
	before := hear(t, first)
	save := first.Begin("snapcat | snapverify -o /dev/vport0p1")
	first.Saved(save)
	first.PowerOff()

	second := Start(t, config(fmt.Sprintf("socket,id=port,host=127.0.0.1,port=%d", ServeFile(t, stored).Port)))
	if out, status := second.Resume("snapresume < /dev/vport0p1", save); status != 0 {
		t.Errorf("in the resumed machine, the save ended with %d\n%s", status, out)
	}
	sameWitnesses(t, second, before)
}

// The flat image through gzip -9, as in the mail of 2007. It does not say what
// it is an image of, so that has to be forced.
func TestFlatImageThroughGzip(t *testing.T) {
	Require(t)
	t.Parallel()
	config := Config{Memory: 512, CPUs: 2, Disks: []string{newDisk(t, 600)}}
	first := Start(t, config)
	startWitnesses(first, 1)
	before := hear(t, first)
	save := first.Begin("snapcat --raw | gzip -9 > /dev/vda")
	first.Saved(save)
	first.PowerOff()

	second := Start(t, config)
	second.Try("zcat /dev/vda > /run/flat") // what follows on the disk is no gzip
	if out, status := second.Try("snapcat file:/run/flat | snapresume --to machine"); status != 4 {
		t.Errorf("without --force: exit status %d\n%s", status, out)
	}
	second.Resume("snapcat file:/run/flat | snapresume --force --to machine", save)
	sameWitnesses(t, second, before)
}
