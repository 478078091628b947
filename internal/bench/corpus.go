package main

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// mix says what a corpus is like. The same mix always makes the same corpus.
type mix struct {
	seed     uint64
	messages int
	bytes    int64 // of all messages together
	median   int64 // of their sizes; the mean is above it, for sizes have a tail (they are log-normal)
	folders  int
	even     bool // all folders have as many messages; else the first have most
}

// message is one message of a corpus.
type message struct {
	number   int
	folder   string // parts joined by slashes
	received time.Time
	flags    string // letters of Maildir: DFRS
	text     []byte // lines end with LF, as Maildir has them; valid until the next message
}

// The bounds of the size of a message.
const (
	minSize = 600
	maxSize = 12 << 20
)

// folderNames returns the folders of the corpus.
func (m mix) folderNames() []string {
	names := []string{"INBOX", "Sent", "Archive"}
	for i := len(names); i < m.folders; i++ {
		names = append(names, fmt.Sprintf("Projects/%02d", i-2))
	}
	return names[:m.folders]
}

// all yields the messages in the order of their numbers.
func (m mix) all() iter.Seq[message] { return m.part(0, m.messages) }

// part yields n messages from a number on, which may lie beyond those of the corpus: what arrives later.
func (m mix) part(first, n int) iter.Seq[message] {
	return func(yield func(message) bool) {
		filler := newFiller(m.seed)
		folders := m.folderNames()
		sizes := m.sizes()
		var text []byte
		for i := first; i < first+n; i++ {
			random := rand.New(rand.NewPCG(m.seed, uint64(i)))
			msg := message{
				number: i, folder: m.choose(folders, i, random), flags: someFlags(random),
				received: time.Unix(1_300_000_000+int64(i)*977, 0).UTC(),
			}
			text = m.write(text[:0], msg, sizes[i%len(sizes)], filler, random)
			msg.text = text
			if !yield(msg) {
				return
			}
		}
	}
}

// choose returns the folder of a message.
func (m mix) choose(folders []string, i int, random *rand.Rand) string {
	if m.even {
		return folders[i%len(folders)]
	}
	// The square of a uniform number is small more often than not.
	u := random.Float64()
	return folders[int(u*u*float64(len(folders)))]
}

// sizes returns a size for each message, so that they sum up to the bytes of the corpus, nearly.
func (m mix) sizes() []int64 {
	mean := float64(m.bytes) / float64(m.messages)
	sigma := math.Sqrt(2 * math.Log(max(mean/float64(m.median), 1.01)))
	random := rand.New(rand.NewPCG(m.seed, math.MaxUint64))
	sizes := make([]int64, m.messages)
	var sum, above int64
	for i := range sizes {
		drawn := float64(m.median) * math.Exp(sigma*random.NormFloat64())
		sizes[i] = min(max(int64(drawn), minSize), maxSize)
		sum += sizes[i]
		above += max(sizes[i]-m.median, 0)
	}
	// The tail takes up the difference; the median stays.
	stretch := 1 + float64(m.bytes-sum)/float64(max(above, 1))
	for i, size := range sizes {
		if size > m.median {
			sizes[i] = m.median + int64(max(stretch, 0)*float64(size-m.median))
		}
	}
	return sizes
}

func someFlags(random *rand.Rand) string {
	var flags strings.Builder
	for _, f := range []struct {
		letter byte
		share  float64
	}{{'F', 0.05}, {'R', 0.2}, {'S', 0.8}} {
		if random.Float64() < f.share {
			flags.WriteByte(f.letter)
		}
	}
	return flags.String()
}

// write appends the text of a message of about the given size.
func (m mix) write(text []byte, msg message, size int64, filler filler, random *rand.Rand) []byte {
	from, to := random.IntN(400), random.IntN(400)
	date := msg.received.Add(-time.Duration(random.IntN(90)) * time.Second).Format(time.RFC1123Z)
	text = fmt.Appendf(text, "Return-Path: <person%d@sender.example>\n"+
		"Received: from mx%d.sender.example by mail.old.example with ESMTPS id %016x; %s\n"+
		"From: Person %d <person%d@sender.example>\nTo: Person %d <person%d@old.example>\n"+
		"Subject: Message %d of %d about %s\nMessage-ID: <%d.%016x@sender.example>\nDate: %s\n"+
		"MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\n",
		from, random.IntN(8), random.Uint64(), date, from, from, to, to,
		msg.number, m.seed, filler.words(random), msg.number, random.Uint64(), date)
	return filler.append(text, size-int64(len(text)), random)
}

// filler is text that bodies are cut from.
type filler struct{ text string }

const (
	fillerLine = 73 // with its LF
	fillerSize = fillerLine << 14
)

func newFiller(seed uint64) filler {
	const letters = "abcdefghijklmnopqrstuvwxyz     ABCDEFGHIJKLMNOPQRSTUVWXYZ+/012345"
	random := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	for b.Len() < fillerSize {
		for range fillerLine - 1 {
			b.WriteByte(letters[random.IntN(len(letters))])
		}
		b.WriteByte('\n')
	}
	return filler{b.String()}
}

func (f filler) words(random *rand.Rand) string {
	at := random.IntN(1<<14) * fillerLine
	return strings.Join(strings.Fields(f.text[at:at+20]), " ")
}

// append adds n bytes of whole lines, or a little more.
func (f filler) append(text []byte, n int64, random *rand.Rand) []byte {
	for n > 0 {
		at := random.IntN(1<<14) * fillerLine
		piece := f.text[at:]
		if int64(len(piece)) > n {
			piece = piece[:min((int(n)/fillerLine+1)*fillerLine, len(piece))]
		}
		text = append(text, piece...)
		n -= int64(len(piece))
	}
	return text
}
