// The most memory that each tool has.

package main

import "fmt"

// memory prints the most memory that each tool ever has, on the image and on
// one four times as large.
func memory(dir string, _ int) error {
	if err := prepare(dir); err != nil {
		return err
	}
	if _, err := shell(dir, "cat image image image image > large; snapcat file:large > large.plain; snapcompress < large.plain > large.img"); err != nil {
		return err
	}
	fmt.Println("\n| peak memory, MiB | image | image four times as large |")
	fmt.Println("|---|---:|---:|")
	for _, tool := range []struct{ name, small, large string }{
		{"`snapcat`", "snapcat file:image > /dev/null", "snapcat file:large > /dev/null"},
		{"`snapcompress`", "snapcompress < plain > out", "snapcompress < large.plain > out"},
		{"`snapcompress --codec xz`, 64 MiB", "snapcompress --codec xz < part.plain > out", ""},
		{"`snapcompress -d`", "snapcompress -d < img > out", "snapcompress -d < large.img > out"},
		{"`snapverify`", "snapverify < plain > out", "snapverify < large.plain > out"},
		{"`snapresume`", "snapresume --to file:back2 --force img", "snapresume --to file:back2 --force large.img"},
	} {
		var peak [2]string
		for i, pipeline := range []string{tool.small, tool.large} {
			if pipeline == "" {
				continue
			}
			u, err := measure(dir, "exec "+pipeline)
			if err != nil {
				return err
			}
			peak[i] = fmt.Sprintf("%.0f", float64(u.rss)/(1<<20))
		}
		fmt.Printf("| %s | %s | %s |\n", tool.name, peak[0], peak[1])
	}
	return nil
}
