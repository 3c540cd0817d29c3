from dagster_project.cli import main

if __name__ == "__main__":  # not in a process that this one starts
    main()
