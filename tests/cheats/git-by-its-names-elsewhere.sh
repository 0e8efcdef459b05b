# Names that are .git on other systems.
cat > /dev/null
mkdir -p "git~1/hooks" ".git "; echo x > "git~1/hooks/pre-commit"; echo x > ".git /config"; echo x > ".git::\$INDEX_ALLOCATION"
