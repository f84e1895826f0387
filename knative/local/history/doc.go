// Package history asks a running inventory many things at once, over several
// instances and through whatever breaks meanwhile, writes down when each was
// asked and what was answered, and judges whether it all could have been told
// by one clerk who does one thing after the other: linearizability, after
// Herlihy and Wing, decided by porcupine.
package history
