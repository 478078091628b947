package graphserve

import (
	"net/url"
)

func todoRoutes(handle func(string, handler)) {
	const lists, list = "/users/{user}/todo/lists", "/users/{user}/todo/lists/{list}"
	handle("GET "+lists, func(c *call) (response, error) {
		u, err := c.box()
		if err != nil {
			return response{}, err
		}
		return c.list(u.tasks.of(kindTaskList))
	})
	handle("POST "+lists, func(c *call) (response, error) {
		u, err := c.box()
		if err != nil {
			return response{}, err
		}
		return c.create(u, u.tasks, kindTaskList)
	})
	handle("GET "+lists+"/delta", func(c *call) (response, error) {
		u, err := c.box()
		if err != nil {
			return response{}, err
		}
		return c.delta(u, scopeOf(u.tasks, kindTaskList), checkTodoDelta)
	})
	handle("GET "+list, getter("list", kindTaskList))
	handle("PATCH "+list, patcher("list", kindTaskList))
	handle("DELETE "+list, deleter("list", kindTaskList))
	extensionRoutes(handle, list, "list", kindTaskList)

	tasks, task := list+"/tasks", list+"/tasks/{task}"
	handle("GET "+tasks, lister("list", kindTaskList, kindTask))
	handle("POST "+tasks, creator("list", kindTaskList, kindTask))
	handle("GET "+tasks+"/delta", deltaOf("list", kindTaskList, kindTask, checkTodoDelta))
	handle("GET "+task, getter("task", kindTask))
	handle("PATCH "+task, patcher("task", kindTask))
	handle("DELETE "+task, deleter("task", kindTask))
	extensionRoutes(handle, task, "task", kindTask)
	taskPartRoutes(handle, task, "checklistItems", kindChecklistItem)
	taskPartRoutes(handle, task, "linkedResources", kindLinkedResource)
}

// taskPartRoutes registers a collection of small things that belong to a task.
func taskPartRoutes(handle func(string, handler), task, collection string, k kind) {
	path := task + "/" + collection
	handle("GET "+path, lister("task", kindTask, k))
	handle("POST "+path, creator("task", kindTask, k))
	handle("GET "+path+"/{part}", getter("part", k))
	handle("PATCH "+path+"/{part}", patcher("part", k))
	handle("DELETE "+path+"/{part}", deleter("part", k))
}

func checkTodoDelta(q url.Values) error {
	if q.Has("$expand") {
		return badRequest("invalidRequest", "Change tracking of tasks does not support '$expand'.")
	}
	return nil
}
