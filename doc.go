// Package dandyroll migrates mailboxes, as often as one likes: it presses a watermark into every
// item that it writes, so that a later pass moves only what is new, whatever happened in between:
// a crash, a lost answer, a lost database, a user who tidied up.
//
// This package is documentation only. The parts are:
//
//   - [github.com/dandyroll/dandyroll/pass] is the engine: it runs passes over a pair of mailboxes
//     and reports what became of every item.
//   - [github.com/dandyroll/dandyroll/endpoint] is the view of a mailbox that the engine works on.
//     The packages below it open mailboxes: imapendpoint on IMAP servers, graphendpoint in Microsoft
//     365, memendpoint in memory, for tests.
//   - [github.com/dandyroll/dandyroll/store] is the contract of the database, with badgerstore for
//     real use and memstore for tests.
//   - [github.com/dandyroll/dandyroll/watermark] makes and reads the marks.
//
// # A program
//
//	key, err := watermark.LoadOrCreateKey(keyFile)
//	...
//	db, err := badgerstore.Open(stateDir, &badgerstore.Options{Key: key})
//	...
//	defer db.Close()
//	source, err := imapendpoint.Open(ctx, imapendpoint.Config{
//		Addr: "old.example", Username: "ann", Password: oldPassword,
//	})
//	...
//	defer source.Close()
//	destination, err := imapendpoint.Open(ctx, imapendpoint.Config{
//		Addr: "new.example", Username: "ann", Password: newPassword,
//	})
//	...
//	defer destination.Close()
//	engine, err := pass.New(pass.Config{Store: db, Key: key})
//	...
//	report, err := engine.Run(ctx, pass.Pair{ID: "ann", Source: source, Destination: destination}, pass.Options{})
//	fmt.Print(report)
//
// Run it again whenever there may be something new, or after it was interrupted. The example of
// this package is the same in memory; examples/quickstart tells the whole story on two IMAP servers
// in one process; examples/mailmove is a program for real use; examples/imap-to-graph is one to copy, with
// what Microsoft 365 asks for.
//
// # What it promises
//
//   - Each item once. An item whose mark is at the destination, or that the database remembers, is
//     not migrated again. Each of the two is enough alone.
//   - Nothing is lost in silence. Every item that a pass looked at ends in exactly one outcome of its
//     report, and the sums close.
//   - The source is never modified, not even a flag.
//   - The destination is only added to. What a user deletes there stays deleted, what he moves is
//     found.
//   - On IMAP servers, a mail arrives as the exact bytes that the source served, behind one line of
//     ours, so that its signatures hold. What Microsoft 365 does not keep is told before.
//   - It can be interrupted anywhere, also by kill -9, and run again.
//
// # What it does not promise
//
// It is no synchronisation in both directions and no backup, and it resolves no conflicts. A change
// of an item at the source after it was migrated is not carried over. Where a destination drops the
// marks, the database alone protects against duplicates; the engine refuses such a destination
// unless told otherwise. Whoever loses the watermark key loses the meaning of the marks: keep a copy
// of it.
package dandyroll
