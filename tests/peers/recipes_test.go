package peers

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestRecipes holds contrib/RECIPES.md to what is run: every command of the
// recipe NAME is a line of scripts/NAME.sh. Those of the timer set up systemd;
// its script runs what the unit does.
func TestRecipes(t *testing.T) {
	text, err := os.ReadFile("../../contrib/RECIPES.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, recipe := range strings.Split(string(text), "\n## ")[1:] {
		name, body, _ := strings.Cut(recipe, "\n")
		names = append(names, name)
		script, err := os.ReadFile("scripts/" + name + ".sh")
		if err != nil {
			t.Error(err)
			continue
		}
		run := strings.Split(string(script), "\n")
		commands := 0
		for line := range strings.Lines(body) {
			command, ok := strings.CutPrefix(line, "    ")
			if !ok {
				continue
			}
			commands++
			if command = strings.TrimSuffix(command, "\n"); name != "timer" && !slices.Contains(run, command) {
				t.Errorf("scripts/%s.sh does not run: %s", name, command)
			}
		}
		if commands == 0 {
			t.Errorf("recipe %s has no commands", name)
		}
	}
	if want := []string{"ssh", "age", "gpg", "openssl", "signatures", "tpm", "passphrase", "rclone", "restic", "timer"}; !slices.Equal(names, want) {
		t.Errorf("recipes %q, not %q", names, want)
	}
}
