// Package endtoend holds tests of the whole: real mail servers, the real database, the engine and
// the program mailmove. It has no code of its own.
package endtoend
