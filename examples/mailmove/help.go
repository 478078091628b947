package main

const help = `Mailmove migrates a mailbox from one server to another, by IMAP or in Microsoft 365. Run it as
often as you like: what was migrated once is not migrated again. The source is only read, the
destination only added to, unless you ask for more.

usage: mailmove [run|check|plan|reset|purge|rebind|explain|status] flags

  run      migrate all that was not migrated before; this is the default
  check    try credentials, folders and what the servers can do; writes nothing
  plan     say what run would do; writes nothing at the destination
  reset    forget what was migrated: items that users removed at the destination come back, those
           that are still there do not
  purge    count what was migrated to the destination, by folder; with -confirm, remove it there
  rebind   tell a pair that its mailboxes have new addresses, if they are the same mailboxes
  explain  say what became of one item, and why
  status   show what is known of a pair; asks no server

addresses: imaps://user@host[:port] speaks TLS, imap://user@host[:port] insists on STARTTLS, and
  imap+plain://user@host[:port] protects nothing. In the name of the user, write @ as %40 and other
  special characters likewise. graph://user@domain is a mailbox of Microsoft 365, by its principal
  name; graph://user%40domain@tenant also names the tenant, by one of its domains or its ID.
passwords are taken from the environment, never from arguments: MAILMOVE_FROM_PASSWORD and
  MAILMOVE_TO_PASSWORD, or OAuth 2.0 access tokens, MAILMOVE_FROM_TOKEN and MAILMOVE_TO_TOKEN. For
  Microsoft 365 it is AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of the registered application, and
  AZURE_TENANT_ID, without which the domain of the user is the tenant, unless there is a token;
  AZURE_AUTHORITY_HOST is for national clouds. What it needs permission for is in the README of the
  example imap-to-graph. With IMAP at the other side, only mail is looked at.

flags of all verbs:
  -state DIR       the directory of the database, made on first use; check can do without
  -from ADDRESS    where the mail is; reset and status need it only if there is no -pair
  -to ADDRESS      where the mail goes; likewise
  -pair ID         the name of this migration, by which it is known for ever, even when addresses
                   change; by default it is made from the two addresses. rebind needs it
  -key FILE        the watermark key, made on first use; by default watermark.key in the directory
                   mailmove of your configuration directory. Keep a copy: without it, what was
                   migrated is not recognised
  -connections N   how many connections to use to each server, 1 to 32; 4 by default. Microsoft 365
                   allows 4, whatever you say
  -ca FILE         certificates in PEM to trust besides those of the system
  -graph-url URL   another service than https://graph.microsoft.com/v1.0, for Microsoft 365 in a national
                   cloud, such as https://graph.microsoft.us/v1.0
  -json            print one JSON document to stdout, and nothing else

of run, check and plan, which items:
  -since TIME      only items received at this time or later: 2006-01-02, which is midnight in UTC,
                   or 2006-01-02T15:04:05Z
  -before TIME     only items received before this time
  -date FIELD      received or sent: the date that -since, -before and -older-than look at
  -include PATTERN only these folders of the source, and those below them; may be given repeatedly.
                   Components are joined by / at any server; * stands for anything within one, ** for
                   any number of them: 'Projects', 'Lists/*-dev', '**/Receipts'. A pattern that
                   matches no folder is an error
  -exclude PATTERN not these folders, nor those below them; may be given repeatedly
  -role ROLE       only folders with this special use: inbox, sent, drafts, trash, junk, archive,
                   all, flagged, calendar, contacts, tasks, notes or journal; may be given repeatedly
  -not-role ROLE   no folders with this special use; may be given repeatedly
  -kind KIND       only items of this kind: mail, event, contact, task, note or journal; may be given
                   repeatedly
  -max-size BYTES  only items of at most this size; of a trial 5000000 by default

of run, check and plan, what kind of pass:
  -pass KIND       auto      full the first time, delta afterwards; the default
                   full      all that was not migrated before
                   delta     the same under another name
                   resume    go on with a pass that was cut; nothing, if the last one was not
                   prestage  old mail only, while its users go on working
                   retry     only what failed
                   verify    compare what was migrated with what was sent
                   rebuild   all, as if for the first time
                   trial     a few items of each folder
  -older-than AGE  for prestage: 90d (days, the default), 12w (weeks), 36h (hours), or a date
  -trial N         for trial: how many items of each folder, 10 by default
  -repair WHAT     for verify: none (the default), missing, which migrates again what is gone from the
                   destination, or partial, which also replaces what is there in part only
  -sample PERCENT  for verify: look at a share of the items only
  -seed N          for verify: choose the same sample as the pass that reported this seed

of run, check and plan, what to do about changes at the source; by default nothing:
  -on-update HOW   items whose content changed: skip or replace, which IMAP servers can only with
                   -full-compare
  -on-delete HOW   items that the source has no more: keep or remove
  -on-move HOW     items that moved to another folder: copy or follow
  -on-flags HOW    flags that changed: keep or merge
  -adopt HOW       items that are at the destination already without our mark: none or identity,
                   which takes equal ones for those of the source
  -max-delete-share PERCENT
                   how much of a folder -on-delete may remove in one pass; 25 by default
  -full-compare    read every migrated item at the source to find out whether it changed

of run, check and plan, how:
  -full-scan       look at every item on both sides, whatever earlier passes remember
  -trust-database  do not look at the destination; what users changed there since is not seen
  -accept-foreign-marks
                   go on where the destination carries watermarks, none of them of our key
  -plan            only run: the same as the verb plan
  -start-at TIME   only run: wait until then, and log in
  -discard-damaged only run: move a damaged database aside and make it anew from the watermarks; what
                   users removed at the destination comes back

of reset: -since, -before, -include, -exclude and -kind as above, to forget a part only, and
  -removed         only items that users removed at the destination
  -failed          only items that failed
  -statistics      not the items, but the history of passes
  -dry             only count
  -plan            only say what the next run would do; needs -from, -to and the passwords

of purge:
  -confirm VALUE   remove exactly what purge counted when it printed this value

of rebind: -dry, only to look whether these are the mailboxes of the pair

of explain, one of the first three:
  -message-id ID   the item with this Message-ID
  -source FOLDER   the item of this folder of the source that -ref names
  -destination FOLDER
                   likewise at the destination
  -ref UID         the number of the item in its folder

exit status: 0 complete, 1 complete, but items failed, were found damaged by a verify, were not let
  go in a purge, or are not known to explain, 2 wrong usage, 3 refused before anything was written,
  4 interrupted: run again to go on
`
