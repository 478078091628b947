package badgerstore

// RenewAlways lets a store renew Badger after each commit and sequence.
func RenewAlways(s *Store) { s.renewAfter, s.renewShare = 1, 0 }
