// Package format is the snappipe stream: an image, cut into frames that can
// each be checked, coded and decoded on their own, so that every step between
// a snapshot and its resumption runs on all cores, needs little memory, and
// notices any damage. SPEC.md has the format byte by byte.
//
// Most programs are filters: they read a stream, do something to its data
// frames, and write a stream. [Filter] does everything around that
// something:
//
//	snapcat | snapcompress | yourfilter | snapverify > img
//
// What changes more than that, what an image says of itself, which frames there
// are, and what they stand for, is an [Editor].
//
// [Reader] and [Writer] are the two ends of a stream. [Writer.WriteImage]
// makes one of an image, [Writer.WriteCoded] has work done to its frames before they
// are written, [Reader.WriteRaw] makes an image of it again, and
// [Reader.Salvage] what is left of one.
// A [Base] is an image that another is stored as the difference to.
//
// [Pipe] is what all of them work with: items are read, worked on by all
// cores and written in order, in bounded memory. Package codec has the codecs.
package format
