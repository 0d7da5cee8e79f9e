// What the tests reach into.

package restore

// Steps is how many steps there are to fail at.
const Steps = int(steps)

// FailAt has f called after every step, whose error is that of the step.
func FailAt(f func(step int) error) { afterStep = func(s step) error { return f(int(s)) } }
