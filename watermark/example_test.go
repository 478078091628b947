package watermark_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/dandyroll/dandyroll/watermark"
)

// exampleKey stands for the key of the user, so that the examples always print the same.
func exampleKey() watermark.Key {
	key, err := watermark.ParseKey(strings.Repeat("5a", watermark.KeySize))
	if err != nil {
		panic(err)
	}
	return key
}

// exampleMark is the mark of the one message of the examples.
func exampleMark() watermark.Mark {
	types := watermark.Types{Source: "imap", Destination: "imap"}
	id := exampleKey().ItemID(watermark.Item{
		Types: types, Pair: "ann", Generation: 1, Kind: "mail", Folder: []string{"INBOX"}, Identity: "fingerprint",
	})
	return exampleKey().Mark(types, "ann", 1, id)
}

func ExampleLoadOrCreateKey() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "dandyroll", "key") // programs use os.UserConfigDir

	created, err := watermark.LoadOrCreateKey(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	loaded, err := watermark.LoadOrCreateKey(file)
	fmt.Println(loaded.Export() == created.Export(), err)
	fmt.Println(loaded)
	// Output:
	// true <nil>
	// watermark.Key(secret)
}

func ExampleKey_Mark() {
	key := exampleKey()
	types := watermark.Types{Source: "imap", Destination: "imap"}
	id := key.ItemID(watermark.Item{
		Types: types, Pair: "ann", Generation: 1, Kind: "mail", Folder: []string{"INBOX"}, Identity: "fingerprint",
	})
	fmt.Println(key.Mark(types, "ann", 1, id))
	// Output:
	// 1.imap.imap.uff3oepo.unfgrbpwxsw2emwey2kqi7bjxa.kmh62domp4kwg
}

func ExampleKey_Verify() {
	generation, ok := exampleKey().Verify(exampleMark(), 1)
	fmt.Println(generation, ok)

	forged := exampleMark()
	forged.Item = watermark.ID{}
	_, ok = exampleKey().Verify(forged, 1)
	fmt.Println(ok)
	// Output:
	// 1 true
	// false
}

func ExampleStamp() {
	body := "Subject: hello\r\n\r\nHow are you?\r\n"
	stamped, size, err := watermark.Stamp(exampleMark(), strings.NewReader(body), int64(len(body)))
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := io.ReadAll(stamped)
	fmt.Println(size == int64(len(text)), err)
	fmt.Print(strings.ReplaceAll(string(text), "\r\n", "\n"))
	// Output:
	// true <nil>
	// X-Dandyroll: 1.imap.imap.uff3oepo.unfgrbpwxsw2emwey2kqi7bjxa.kmh62domp4kwg
	// Subject: hello
	//
	// How are you?
}

func ExampleRead() {
	header := "Received: from a by b\r\n" +
		"x-dandyroll: " + exampleMark().String() + "\r\n" +
		"X-Dandyroll: nonsense\r\n\r\n"
	reading := watermark.Read([]byte(header))
	fmt.Println(reading.Marks[0] == exampleMark(), reading.Fields(), reading.Garbled)
	// Output:
	// true 2 1
}

func ExampleCut() {
	body := "Subject: hello\r\n\r\nHow are you?\r\n"
	stamped := append(watermark.Prefix(exampleMark(), []byte(body)), body...)
	mark, prefixes := watermark.Cut(stamped)
	fmt.Println(mark == exampleMark(), len(prefixes), string(stamped[prefixes[0]:]) == body)
	// Output:
	// true 1 true
}

func ExampleStampProperty() {
	card := "BEGIN:VCARD\nVERSION:4.0\nFN:Ann\nEND:VCARD\n"
	stamped, err := watermark.StampProperty(exampleMark(), []byte(card))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(stamped))
	fmt.Println(string(watermark.StripProperty(stamped)) == card)
	// Output:
	// BEGIN:VCARD
	// VERSION:4.0
	// X-DANDYROLL:1.imap.imap.uff3oepo.unfgrbpwxsw2emwey2kqi7bjxa.kmh62domp4kwg
	// FN:Ann
	// END:VCARD
	// true
}

func ExampleReadProperty() {
	event := "BEGIN:VEVENT\nX-DANDYROLL:" + exampleMark().String() + "\nUID:1\nEND:VEVENT\n"
	reading := watermark.ReadProperty([]byte(event))
	fmt.Println(len(reading.Marks), reading.Marks[0] == exampleMark())
	// Output:
	// 1 true
}
