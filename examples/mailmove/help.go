package main

const help = `Mailmove migrates a mailbox from one IMAP server to another. Run it as often as you like: what was
migrated once is not migrated again. The source is only read, the destination only added to.

usage: mailmove [run|check|plan|reset|status] flags

  run     migrate all that was not migrated before; this is the default
  check   try credentials, folders and what the servers can do; writes nothing
  plan    say what run would do; writes nothing at the destination
  reset   forget what was migrated: items that users removed at the destination come back, those
          that are still there do not
  status  show what is known of a pair; asks no server

addresses: imaps://user@host[:port] speaks TLS, imap://user@host[:port] insists on STARTTLS, and
  imap+plain://user@host[:port] protects nothing. In the name of the user, write @ as %40 and other
  special characters likewise.
passwords are taken from the environment, never from arguments: MAILMOVE_FROM_PASSWORD and
  MAILMOVE_TO_PASSWORD, or OAuth 2.0 access tokens, MAILMOVE_FROM_TOKEN and MAILMOVE_TO_TOKEN.

flags of all verbs:
  -state DIR       the directory of the database, made on first use; check can do without
  -from ADDRESS    where the mail is; reset and status need it only if there is no -pair
  -to ADDRESS      where the mail goes; likewise
  -pair ID         the name of this migration, by which it is known for ever, even when addresses
                   change; by default it is made from the two addresses
  -key FILE        the watermark key, made on first use; by default watermark.key in the directory
                   mailmove of your configuration directory. Keep a copy: without it, what was
                   migrated is not recognised
  -connections N   how many connections to use to each server, 1 to 32; 4 by default
  -ca FILE         certificates in PEM to trust besides those of the system
  -json            print one JSON document to stdout, and nothing else

of run, check and plan:
  -since TIME      only items received at this time or later: 2006-01-02, which is midnight in UTC,
                   or 2006-01-02T15:04:05Z
  -before TIME     only items received before this time
  -include PATTERN only these folders of the source, and those below them; may be given repeatedly.
                   Components are joined by / at any server; * stands for anything within one, ** for
                   any number of them: 'Projects', 'Lists/*-dev', '**/Receipts'
  -exclude PATTERN not these folders, nor those below them; may be given repeatedly
  -max-size BYTES  only items of at most this size
  -pass KIND       auto, full or delta, the name that the pass bears in reports; auto by default
  -full-scan       look at every item on both sides, whatever earlier passes remember
  -accept-foreign-marks
                   go on where the destination carries watermarks, none of them of our key
  -discard-damaged only run: move a damaged database aside and make it anew from the watermarks; what
                   users removed at the destination comes back

of reset: -since, -before, -include and -exclude as above, to forget a part only, and
  -dry             only count

exit status: 0 complete, 1 complete, but items failed, 2 wrong usage, 3 refused before anything was
  written, 4 interrupted: run again to go on
`
