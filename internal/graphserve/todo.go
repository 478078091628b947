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
	handle("POST "+tasks, createTask)
	handle("GET "+tasks+"/delta", deltaOf("list", kindTaskList, kindTask, checkTodoDelta))
	handle("GET "+task, getter("task", kindTask))
	handle("PATCH "+task, patcher("task", kindTask))
	handle("DELETE "+task, deleter("task", kindTask))
	extensionRoutes(handle, task, "task", kindTask)
	taskPartRoutes(handle, task, "checklistItems", kindChecklistItem)
	taskPartRoutes(handle, task, "linkedResources", kindLinkedResource)
}

// createTask makes a task, with the links in the same request. Its answer does not show them. Steps and extensions it ignores.
func createTask(c *call) (response, error) {
	u, list, err := c.node("list", kindTaskList)
	if err != nil {
		return response{}, err
	}
	fields, err := c.decode()
	if err != nil {
		return response{}, err
	}
	named, err := takeProperties(fields)
	if err != nil {
		return response{}, err
	}
	if len(named) > 0 {
		return response{}, badRequest("invalidRequest", "A task has no extended properties.")
	}
	links, _ := fields["linkedResources"].([]any) // none, else
	for _, name := range []string{"linkedResources", "checklistItems"} {
		delete(fields, name)
	}
	dropReadOnly(fields)
	n := u.add(kindTask, list, fields)
	for _, link := range links {
		if object, isObject := link.(object); isObject {
			u.add(kindLinkedResource, n, object)
		}
	}
	u.hide(n)
	return c.made(n)
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
