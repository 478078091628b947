package graphendpoint

// mailShelf holds the folders of mail.
type mailShelf struct {
	*client
	// importMIME lets items be written by the beta of that name.
	importMIME bool
}
