# Hides a repository in a folder.
cat > /dev/null
mkdir sub; git init -q sub; echo x > sub/a
