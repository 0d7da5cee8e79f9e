// A second image of Redis, after some of its keys were set anew: stored as the
// difference to the first, and as a whole.

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const keys = 500_000

// differences are how many keys are set, and how small the difference is to be.
var differences = []struct {
	sets int
	bar  float64 // of the whole image
}{{2000, 1. / 50}, {50_000, 0}}

func differ(dir string, rounds int) error {
	for _, tool := range []string{"redis-server", "redis-cli"} {
		if missing(tool) != "" {
			fmt.Printf("\nDifferences: %s is not installed\n", tool)
			return nil
		}
	}
	r, err := startRedis(dir)
	if err != nil {
		return err
	}
	defer r.end()
	if err := r.set("base", keys); err != nil {
		return err
	}
	if _, err := shell(dir, r.snapshot("base")); err != nil {
		return err
	}
	fmt.Println("\n| image of Redis, 500 000 keys, after | against one as a whole, MB | of its bytes | bar | of its time | bar | made whole again, of the time of a whole one |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|")
	for _, d := range differences {
		if err := r.measure(d.sets, d.bar, rounds); err != nil {
			return err
		}
	}
	return nil
}

// measure sets keys, takes a snapshot and stores it in both ways.
func (r *redis) measure(sets int, bar float64, rounds int) error {
	if err := r.set("later", sets); err != nil {
		return err
	}
	if _, err := shell(r.dir, fmt.Sprintf("snapcat process:%d > plain", r.cmd.Process.Pid)); err != nil {
		return err
	}
	store := row{
		ours:   "snapcompress --base base < plain | snapverify > difference",
		theirs: "snapcompress < plain | snapverify > whole",
	}
	ours, theirs, err := store.pair(r.dir, rounds)
	if err != nil {
		return err
	}
	restore := row{ours: "rm -f back; snapresume --base base --to file:back difference", theirs: "rm -f back; snapresume --to file:back whole"}
	back, whole, err := restore.pair(r.dir, rounds)
	if err != nil {
		return err
	}
	n, err := sizes(r.dir, "difference", "whole")
	if err != nil {
		return err
	}
	small := float64(n[0]) / float64(n[1])
	ratio := ours.wall.Seconds() / theirs.wall.Seconds()
	bytes, time := "", ""
	if bar > 0 {
		bytes, time = fmt.Sprintf("1/%.0f, %s", 1/bar, met(small <= bar)), "1.00, "+met(ratio <= 1)
	}
	fmt.Printf("| %d SETs | %.2f / %.1f | **1/%.0f** | %s | **%.2f** | %s | %.2f |\n", sets, float64(n[0])/1e6, float64(n[1])/1e6,
		1/small, bytes, ratio, time, back.wall.Seconds()/whole.wall.Seconds())
	return nil
}

// redis is a server of its own.
type redis struct {
	dir, socket string
	cmd         *exec.Cmd
}

func startRedis(dir string) (*redis, error) {
	r := &redis{dir: dir, socket: filepath.Join(dir, "redis")}
	r.cmd = exec.Command("redis-server", "--port", "0", "--unixsocket", r.socket, "--save", "", "--dir", dir)
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(r.socket); err == nil {
			return r, nil
		}
	}
	r.end()
	return nil, errors.New("redis-server does not listen")
}

func (r *redis) end() {
	r.cmd.Process.Kill()
	r.cmd.Wait()
}

// set sets n keys of all there are to values that name why.
func (r *redis) set(why string, n int) error {
	cmd := exec.Command("redis-cli", "-s", r.socket, "--pipe")
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	for i := range n {
		key, value := strconv.Itoa(i*7919%keys), fmt.Sprintf("%s-%064x", why, i*2654435761)
		if _, err := fmt.Fprintf(in, "SET key:%s %s\r\n", key, value); err != nil {
			return err
		}
	}
	return errors.Join(in.Close(), cmd.Wait())
}

// snapshot is the pipeline that stores it as a whole.
func (r *redis) snapshot(name string) string {
	return fmt.Sprintf("snapcat process:%d | snapcompress | snapverify > %s", r.cmd.Process.Pid, name)
}
