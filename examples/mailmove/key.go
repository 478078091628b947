package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dandyroll/dandyroll/watermark"
)

// keyFile returns the file of the watermark key.
func keyFile(s settings) (string, error) {
	if s.key != "" {
		return s.key, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("-key: there is no configuration directory, so name a file: %w", err)
	}
	return filepath.Join(dir, "mailmove", "watermark.key"), nil
}

// loadOrCreateKey returns the watermark key, making it on first use.
func (p program) loadOrCreateKey(s settings) (watermark.Key, error) {
	file, err := keyFile(s)
	if err != nil {
		return watermark.Key{}, err
	}
	_, missing := os.Stat(file)
	key, err := watermark.LoadOrCreateKey(file)
	if err == nil && errors.Is(missing, fs.ErrNotExist) {
		p.stderr.printf("made a watermark key, keep a copy of it: %s\n", safe(file))
	}
	return key, err
}

// loadKey returns the watermark key, which must exist.
func loadKey(s settings) (watermark.Key, error) {
	file, err := keyFile(s)
	if err != nil {
		return watermark.Key{}, err
	}
	if _, err := os.Stat(file); err != nil {
		return watermark.Key{}, fmt.Errorf("-key: %w", err)
	}
	return watermark.LoadOrCreateKey(file)
}
