package graphendpoint

// view is what is asked for of items, besides their IDs.
type view struct {
	fields     []string
	properties []string // extended ones
}

func (v view) selected() []string { return append([]string{"id"}, v.fields...) }

func (v view) expanded() []string { return expandProperties(v.properties...) }
