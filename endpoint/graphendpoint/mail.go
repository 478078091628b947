package graphendpoint

// mailShelf holds the folders of mail.
type mailShelf struct {
	*client
	// importMIME lets items be written by the beta of that name.
	importMIME bool
	// transfer has the folder in which messages are made that need more than one request.
	transfer *transfer
}
