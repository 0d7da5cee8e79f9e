// The notes: name, type and bytes, one after the other; see elf(5).

package world

import "encoding/json"

const (
	nameCore  = "CORE"
	nameLinux = "LINUX"
	nameOwn   = "SNAPPIPE"

	ntPRStatus  = 1
	ntFPRegSet  = 2
	ntPRPSInfo  = 3
	ntAuxv      = 6
	ntFile      = 0x46494c45
	ntX86XState = 0x202
	ntImage     = 1 // of SNAPPIPE
)

func pad4(n int) int { return (n + 3) &^ 3 }

func appendNote(b []byte, name string, typ uint32, desc []byte) []byte {
	b = le.AppendUint32(b, uint32(len(name)+1))
	b = le.AppendUint32(b, uint32(len(desc)))
	b = le.AppendUint32(b, typ)
	b = append(b, name...)
	b = append(b, make([]byte, pad4(len(name)+1)-len(name))...)
	b = append(b, desc...)
	return append(b, make([]byte, pad4(len(desc))-len(desc))...)
}

// appendNotes appends all notes of a task in the order in which the kernel writes
// them (fs/binfmt_elf.c): what belongs to a thread follows its NT_PRSTATUS. The
// root's hold the World.
func appendNotes(b []byte, w *World, task int) ([]byte, error) {
	p := &w.Tasks[task]
	space := &w.Spaces[p.Space]
	for i := range p.Threads {
		t := &p.Threads[i]
		b = appendNote(b, nameCore, ntPRStatus, prstatus(p, t))
		if i == 0 {
			b = appendNote(b, nameCore, ntPRPSInfo, prpsinfo(p))
			b = appendNote(b, nameCore, ntAuxv, space.Auxv)
			b = appendNote(b, nameCore, ntFile, mappedFiles(w, space))
		}
		if i == 0 && task == 0 {
			own, err := json.Marshal(w)
			if err != nil {
				return nil, err
			}
			b = appendNote(b, nameOwn, ntImage, own)
		}
		b = appendNote(b, nameCore, ntFPRegSet, t.XState[:min(fxsaveSize, len(t.XState))])
		b = appendNote(b, nameLinux, ntX86XState, t.XState)
	}
	return b, nil
}

// mappedFiles is NT_FILE: count and page size, then start, end and offset in
// pages of each mapping of a file, then their names.
func mappedFiles(w *World, space *Space) []byte {
	var count uint64
	var ranges, names []byte
	for i := range space.VMAs {
		v := &space.VMAs[i]
		if v.File == NoIndex {
			continue
		}
		count++
		for _, n := range [...]uint64{uint64(v.Start), uint64(v.End), uint64(v.Offset) / Page} {
			ranges = le.AppendUint64(ranges, n)
		}
		names = append(append(names, w.Files[v.File].Path...), 0)
	}
	b := le.AppendUint64(nil, count)
	b = le.AppendUint64(b, Page)
	return append(append(b, ranges...), names...)
}
