package imapendpoint

import (
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// roleOfAttributes returns the role that the attributes of a LIST response give to a folder
// (RFC 6154 section 2).
func roleOfAttributes(attributes []string) endpoint.Role {
	for _, a := range attributes {
		switch strings.ToLower(a) {
		case `\sent`:
			return endpoint.Sent
		case `\drafts`:
			return endpoint.Drafts
		case `\trash`:
			return endpoint.Trash
		case `\junk`:
			return endpoint.Junk
		case `\archive`:
			return endpoint.Archive
		case `\all`:
			return endpoint.AllMail
		case `\flagged`:
			return endpoint.Flagged
		}
	}
	return endpoint.NoRole
}

// commonNames are the names that programs and servers give to the folder of a role, in lower
// case, the likeliest first.
func commonNames(r endpoint.Role) []string {
	switch r {
	case endpoint.Sent:
		return []string{
			"sent", "sent items", "sent messages", "sent mail", "gesendet", "gesendete elemente",
			"gesendete objekte", "envoyés", "éléments envoyés", "messages envoyés", "enviados",
			"elementos enviados", "inviati", "posta inviata", "verzonden items", "verzonden", "wysłane",
			"itens enviados", "отправленные",
		}
	case endpoint.Drafts:
		return []string{
			"drafts", "draft", "entwürfe", "brouillons", "borradores", "bozze", "concepten",
			"kopie robocze", "rascunhos", "черновики",
		}
	case endpoint.Trash:
		return []string{
			"trash", "deleted items", "deleted messages", "bin", "papierkorb", "gelöschte elemente",
			"gelöschte objekte", "corbeille", "éléments supprimés", "papelera", "elementos eliminados",
			"cestino", "posta eliminata", "verwijderde items", "prullenbak", "kosz", "itens excluídos",
			"lixeira", "удаленные",
		}
	case endpoint.Junk:
		return []string{
			"junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk mail", "spamverdacht",
			"junk-e-mail", "courrier indésirable", "indésirables", "correo no deseado",
			"posta indesiderata", "ongewenste e-mail", "wiadomości-śmieci", "lixo eletrônico", "спам",
		}
	case endpoint.Archive:
		return []string{"archive", "archives", "archiv", "archivo", "archivio", "archief", "archiwum", "arquivo", "архив"}
	case endpoint.NoRole, endpoint.Inbox, endpoint.AllMail, endpoint.Flagged:
	case endpoint.DefaultCalendar, endpoint.DefaultContacts, endpoint.DefaultTasks, endpoint.DefaultNotes, endpoint.DefaultJournal:
	}
	return nil
}

// assignRoles gives the roles that no attribute gave to folders with a name that is common for
// them: at most one folder a role, at the top of the tree or directly below INBOX.
func assignRoles(folders []endpoint.Folder) {
	for _, role := range []endpoint.Role{endpoint.Sent, endpoint.Drafts, endpoint.Trash, endpoint.Junk, endpoint.Archive} {
		if i := folderNamed(folders, role); i >= 0 {
			folders[i].Role = role
		}
	}
}

// folderNamed returns the index of the folder that should have the role, or -1 where one has it
// already or none could.
func folderNamed(folders []endpoint.Folder, role endpoint.Role) int {
	for _, f := range folders {
		if f.Role == role {
			return -1
		}
	}
	for _, name := range commonNames(role) {
		for i, f := range folders {
			if f.Role == endpoint.NoRole && strings.ToLower(topName(f.Path)) == name {
				return i
			}
		}
	}
	return -1
}

// topName returns the name of a folder at the top of the tree or directly below INBOX, or nothing.
func topName(path []string) string {
	if len(path) == 2 && path[0] == inbox {
		return path[1]
	}
	if len(path) == 1 {
		return path[0]
	}
	return ""
}
