package watermark_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/watermark"
)

func benchItem(i int) watermark.Item {
	return watermark.Item{
		Types: watermark.Types{Source: "imap", Destination: "imap"}, Pair: "ann", Generation: 1, Kind: "mail",
		Folder: []string{"Projects", "2026"}, Identity: "0123456789abcdef0123456789abcdef", Ordinal: i,
	}
}

// BenchmarkMark makes the ID and the mark of an item, and the text of the mark.
func BenchmarkMark(b *testing.B) {
	b.ReportAllocs()
	key := watermark.NewKey()
	i := 0
	for b.Loop() {
		item := benchItem(i)
		_ = key.Mark(item.Types, item.Pair, item.Generation, key.ItemID(item)).String()
		i++
	}
}

// BenchmarkVerify verifies a mark of the generation that it is expected to be of.
func BenchmarkVerify(b *testing.B) {
	b.ReportAllocs()
	key := watermark.NewKey()
	item := benchItem(0)
	mark := key.Mark(item.Types, item.Pair, item.Generation, key.ItemID(item))
	for b.Loop() {
		if _, ok := key.Verify(mark, 1); !ok {
			b.Fatal("not verified")
		}
	}
}

// BenchmarkRead finds a mark: in the one field that a scan asks for, and in an ordinary header.
func BenchmarkRead(b *testing.B) {
	key := watermark.NewKey()
	item := benchItem(0)
	field := watermark.Field + ": " + key.Mark(item.Types, item.Pair, item.Generation, key.ItemID(item)).String() + "\r\n"
	rest := strings.Repeat("Received: from mx1.sender.example by mail.old.example\r\n\twith ESMTPS id 0123456789abcdef; Sat, 03 Feb 2001 04:05:06 +0000\r\n", 8) +
		"From: a@sender.example\r\nTo: b@old.example\r\nSubject: text\r\nMessage-ID: <1@sender.example>\r\n\r\n"
	for name, header := range map[string]string{"field": field + "\r\n", "header": field + rest} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(header)))
			for b.Loop() {
				if len(watermark.Read([]byte(header)).Marks) != 1 {
					b.Fatal("no mark")
				}
			}
		})
	}
}

// BenchmarkStamp marks a message of 8 kB as it is written.
func BenchmarkStamp(b *testing.B) {
	b.ReportAllocs()
	key := watermark.NewKey()
	item := benchItem(0)
	mark := key.Mark(item.Types, item.Pair, item.Generation, key.ItemID(item))
	body := []byte("From: a@sender.example\r\nSubject: text\r\n\r\n" + strings.Repeat("0123456789abcdef0123456789abcde\r\n", 240))
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		stamped, size, err := watermark.Stamp(mark, bytes.NewReader(body), int64(len(body)))
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, stamped); err != nil || n != size {
			b.Fatalf("%d of %d bytes, %v", n, size, err)
		}
	}
}
