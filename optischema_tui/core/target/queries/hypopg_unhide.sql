SELECT {hypopg}.hypopg_unhide_all_indexes()
