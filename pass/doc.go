// Package pass runs one migration pass over a pair of mailboxes: scan both sides, plan, transfer,
// commit, report.
//
// A pass has six phases, strictly in this order:
//
//  1. open the ledger of the pair;
//  2. preflight: credentials, capabilities, kinds and formats, folder names, voided marks;
//  3. scan the destination for marks, all of it;
//  4. scan the database, list the source, and decide for each item;
//  5. transfer in windows: intents durable, then items written, then settlements durable;
//  6. look at the destination once more, and report.
//
// Nothing is written at the destination before phase 5, whose first write is a canary. A pass may
// be cut anywhere; running again resumes it.
package pass
